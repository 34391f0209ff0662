create or replace trigger _100_set_updated_at
  before update on app_public.project_environments for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _200_keep_identity
  before update of tenant_id, id on app_public.project_environments for each row
  execute function app_private.tg__keep_identity();

create or replace trigger _200_guard_approval
  before update of requires_approval on app_public.project_environments for each row
  when (OLD.requires_approval and not NEW.requires_approval)
  execute function app_private.tg_project_environments__guard_approval();

create or replace trigger _200_refuse_depth
  before insert or update of env_vars on app_public.project_environments for each row
  when (jsonb_path_exists(NEW.env_vars, '$.**{201}'))
  execute function app_private.tg__refuse_depth();

create or replace trigger _500_wake_runners
  after update of max_builds on app_public.project_environments for each row
  when (NEW.max_builds > OLD.max_builds)
  execute function app_private.tg_project_environments__wake_runners();
