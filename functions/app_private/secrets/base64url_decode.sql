create or replace function app_private.base64url_decode(value text) returns bytea
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select decode(
    rpad(translate(base64url_decode.value, '-_', '+/'), (length(base64url_decode.value) + 3) / 4 * 4, '='), 'base64')
$$;
comment on function app_private.base64url_decode(text) is 'Bytes of a base64url text (RFC 4648, 5).';
grant execute on function app_private.base64url_decode(text) to app_system;
