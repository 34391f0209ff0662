create or replace trigger _100_set_updated_at
  before update on app_public.operator_grants for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _200_keep_identity
  before update of tenant_id, id on app_public.operator_grants for each row
  execute function app_private.tg__keep_identity();

create or replace trigger _500_announce_revocation
  after update of revoked_at on app_public.operator_grants for each row
  when (NEW.revoked_at is not null and NEW.operator_id is not null)
  execute function app_private.tg__announce_revocation('user:', 'operator_id');
