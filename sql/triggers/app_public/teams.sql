create or replace trigger _100_set_updated_at
  before update on app_public.teams for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _200_keep_identity
  before update of tenant_id, id on app_public.teams for each row
  execute function app_private.tg__keep_identity();
