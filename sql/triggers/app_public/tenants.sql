create or replace trigger _100_set_updated_at
  before update on app_public.tenants for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _500_announce_revocation
  after update of is_active, deleted_at, settings, slug on app_public.tenants for each row
  execute function app_private.tg__announce_revocation('tenant:', 'id');

create or replace trigger _200_refuse_depth
  before insert or update of settings on app_public.tenants for each row
  when (jsonb_path_exists(NEW.settings, '$.**{201}'))
  execute function app_private.tg__refuse_depth();
