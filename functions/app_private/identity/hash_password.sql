create or replace function app_private.hash_password(password text) returns text
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select extensions.crypt(hash_password.password, extensions.gen_salt('bf', 10))
$$;
comment on function app_private.hash_password(text) is 'bcrypt of a password, cost 10.';
alter function app_private.hash_password(text) owner to app_system;
