create or replace trigger _100_set_updated_at
  before update on app_public.projects for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _200_check_repository
  before insert or update of repository_url, repository_branch on app_public.projects for each row
  execute function app_private.tg_projects__check_repository();

create or replace trigger _200_check_team
  before insert or update of team_id on app_public.projects for each row
  execute function app_private.tg_projects__check_team();

create or replace trigger _200_guard_team
  before update of team_id on app_public.projects for each row
  execute function app_private.tg_projects__guard_team();

create or replace trigger _200_keep_identity
  before update of tenant_id, id on app_public.projects for each row
  execute function app_private.tg__keep_identity();

create or replace trigger _500_create_environments
  after insert on app_public.projects for each row
  execute function app_private.tg_projects__create_environments();

-- What is hidden from whom, and who ranks how in a project, are claims that the API may have kept.
create or replace trigger _510_announce_revocation
  after insert or update of visibility, team_id, owner_id, deleted_at or delete on app_public.projects for each row
  execute function app_private.tg__announce_revocation('visibility:', 'tenant_id');

create or replace trigger _200_refuse_depth
  before insert or update of architecture, tech_stack, integrations, environment_vars
  on app_public.projects for each row
  when (jsonb_path_exists(NEW.architecture, '$.**{201}')
    or jsonb_path_exists(NEW.tech_stack, '$.**{201}')
    or jsonb_path_exists(NEW.integrations, '$.**{201}')
    or jsonb_path_exists(NEW.environment_vars, '$.**{201}'))
  execute function app_private.tg__refuse_depth();
