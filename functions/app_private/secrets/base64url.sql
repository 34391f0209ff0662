create or replace function app_private.base64url(data bytea) returns text
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select translate(encode(base64url.data, 'base64'), E'+/=\n', '-_')
$$;
comment on function app_private.base64url(bytea) is 'Base64 for URLs, without padding (RFC 4648, 5).';
grant execute on function app_private.base64url(bytea) to app_system;
