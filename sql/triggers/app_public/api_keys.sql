create or replace trigger _100_set_updated_at
  before update on app_public.api_keys for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _200_keep_identity
  before update of tenant_id, id on app_public.api_keys for each row
  execute function app_private.tg__keep_identity();

create or replace trigger _500_announce_revocation
  after update of revoked_at, grace_expires_at, expires_at, scopes, permissions, project_id, environment_id,
    allowed_ips, rate_limit_per_minute, usage_limit
  on app_public.api_keys for each row
  execute function app_private.tg__announce_revocation('', 'id');

create or replace trigger _200_refuse_depth
  before insert or update of permissions on app_public.api_keys for each row
  when (jsonb_path_exists(NEW.permissions, '$.**{201}'))
  execute function app_private.tg__refuse_depth();
