create or replace function app_private.token_checksum(token text) returns text
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select lpad(to_hex(crc32(convert_to(token_checksum.token, 'utf8'))), 8, '0')
$$;
comment on function app_private.token_checksum(text) is 'CRC-32 of a text as eight hex digits.';
grant execute on function app_private.token_checksum(text) to app_system;
