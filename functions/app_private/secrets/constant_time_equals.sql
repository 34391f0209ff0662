-- Both sides are hashed under a fresh key first, so an early end of the comparison says nothing about them.
create or replace function app_private.constant_time_equals(a bytea, b bytea) returns boolean
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select extensions.hmac(constant_time_equals.a, k.key, 'sha256')
    = extensions.hmac(constant_time_equals.b, k.key, 'sha256')
  from (select extensions.gen_random_bytes(32) as key) k
$$;
comment on function app_private.constant_time_equals(bytea, bytea) is
  'Compares without telling by its duration where the first difference is.';
alter function app_private.constant_time_equals(bytea, bytea) owner to app_system;
