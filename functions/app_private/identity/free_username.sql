create or replace function app_private.free_username(email text) returns text
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_base text;
begin
  v_base := regexp_replace(split_part(free_username.email, '@', 1), '[^a-z0-9_.-]', '', 'g');
  v_base := left(regexp_replace(v_base, '^[^a-z0-9]+', ''), 40);
  if length(v_base) < 2 then
    v_base := 'user' || v_base;
  end if;
  if not exists (select from app_public.users u where u.username = v_base and u.deleted_at is null) then
    return v_base;
  end if;
  return v_base || '-' || encode(extensions.gen_random_bytes(4), 'hex');
end
$$;
comment on function app_private.free_username(text) is
  'A user name made from an address; random digits when it is taken.';
alter function app_private.free_username(text) owner to app_system;
