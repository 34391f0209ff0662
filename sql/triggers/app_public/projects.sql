create or replace trigger _100_set_updated_at
  before update on app_public.projects for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _200_check_team
  before insert or update of team_id on app_public.projects for each row
  execute function app_private.tg_projects__check_team();

create or replace trigger _200_keep_identity
  before update of tenant_id, id on app_public.projects for each row
  execute function app_private.tg__keep_identity();

create or replace trigger _500_create_environments
  after insert on app_public.projects for each row
  execute function app_private.tg_projects__create_environments();
