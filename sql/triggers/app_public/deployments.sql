create or replace trigger _100_set_updated_at
  before update on app_public.deployments for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _200_begin
  before insert on app_public.deployments for each row
  execute function app_private.tg_deployments__begin();

create or replace trigger _200_keep_identity
  before update of tenant_id, id on app_public.deployments for each row
  execute function app_private.tg__keep_identity();

create or replace trigger _200_keep_request
  before update of project_id, environment_id, environment, commit_sha, ref, config_snapshot, created_at
  on app_public.deployments for each row
  execute function app_private.tg_deployments__keep_request();

create or replace trigger _300_move
  before update of status, is_current on app_public.deployments for each row
  execute function app_private.tg_deployments__move();

create or replace trigger _500_count_added
  after insert on app_public.deployments
  referencing new table as added for each statement
  execute function app_private.tg_deployments__count_added();

create or replace trigger _500_count_removed
  after delete on app_public.deployments
  referencing old table as removed for each statement
  execute function app_private.tg_deployments__count_removed();

create or replace trigger _800_record_move
  after insert or update of status on app_public.deployments for each row
  execute function app_private.tg_deployments__record_move();

create or replace trigger _200_refuse_depth
  before insert or update of config_snapshot, metrics on app_public.deployments for each row
  when (jsonb_path_exists(NEW.config_snapshot, '$.**{201}')
    or jsonb_path_exists(NEW.metrics, '$.**{201}'))
  execute function app_private.tg__refuse_depth();
