create or replace trigger _100_set_updated_at
  before update on app_public.sessions for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _500_announce_revocation
  after update of revoked_at on app_public.sessions for each row when (NEW.revoked_at is not null)
  execute function app_private.tg__announce_revocation('', 'id');

create or replace trigger _200_refuse_depth
  before insert or update of device_info on app_public.sessions for each row
  when (jsonb_path_exists(NEW.device_info, '$.**{201}'))
  execute function app_private.tg__refuse_depth();
