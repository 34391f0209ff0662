create or replace function app_private.remember_device(user_id uuid, token text) returns text
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_token text := remember_device.token;
begin
  update app_private.device_tokens d set expires_at = now() + interval '180 days'
  where d.token_hash = app_private.hash_token(v_token) and d.user_id = remember_device.user_id
    and d.expires_at > now();
  if not found then
    v_token := app_private.random_token('fh_device_');
    insert into app_private.device_tokens (token_hash, user_id, expires_at)
    values (app_private.hash_token(v_token), remember_device.user_id, now() + interval '180 days');
    -- A program that never keeps its token must not fill the table.
    delete from app_private.device_tokens d
    where d.token_hash in (
      select o.token_hash from app_private.device_tokens o
      where o.user_id = remember_device.user_id
      order by o.expires_at desc, o.token_hash
      offset 20);
  end if;
  return v_token;
end
$$;
comment on function app_private.remember_device(uuid, text) is
  'Prolongs the token of a device for 180 days when it is theirs, else makes one; a person has twenty at most, those '
  'last used.';
alter function app_private.remember_device(uuid, text) owner to app_system;
