create or replace trigger _100_set_updated_at
  before update on app_public.users for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _500_announce_revocation
  after update of is_active, deleted_at, two_factor_enabled, role on app_public.users for each row
  execute function app_private.tg__announce_revocation('user:', 'id');
