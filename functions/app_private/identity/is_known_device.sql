-- Ten failures in a quarter of an hour, and the token exempts from nothing until that is over.
create or replace function app_private.is_known_device(user_id uuid, token text) returns boolean
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_private.device_tokens d
    where d.token_hash = app_private.hash_token(is_known_device.token) and d.user_id = is_known_device.user_id
      and d.expires_at > now())
  then
    return false;
  end if;
  return app_private.take_rate_limit(
    'login_device', encode(app_private.hash_token(is_known_device.token), 'hex'), 900, 10);
end
$$;
comment on function app_private.is_known_device(uuid, text) is
  'Whether that person logged in with this device token before, and did not fail with it too often lately; counts the '
  'try.';
alter function app_private.is_known_device(uuid, text) owner to app_system;
