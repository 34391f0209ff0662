create or replace function app_private.hash_token(token text) returns bytea
  language sql immutable strict parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select sha256(convert_to(hash_token.token, 'utf8'))
$$;
comment on function app_private.hash_token(text) is
  'SHA-256 of a 256-bit random token; being random, it needs no salt and no slow hash.';
grant execute on function app_private.hash_token(text) to app_system;
