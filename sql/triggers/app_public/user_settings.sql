create or replace trigger _100_set_updated_at
  before update on app_public.user_settings for each row
  execute function app_private.tg__set_updated_at();

-- A cached answer would go on naming the old default tenant.
create or replace trigger _500_announce_revocation
  after update of default_tenant_id on app_public.user_settings for each row
  execute function app_private.tg__announce_revocation('user:', 'user_id');

create or replace trigger _200_refuse_depth
  before insert or update of preferences, settings on app_public.user_settings for each row
  when (jsonb_path_exists(NEW.preferences, '$.**{201}')
    or jsonb_path_exists(NEW.settings, '$.**{201}'))
  execute function app_private.tg__refuse_depth();
