create or replace function app_private.totp_code(seed bytea, step bigint) returns text
  language sql immutable security definer
  set search_path to pg_catalog, pg_temp
as $$
  select lpad((
      (((get_byte(h.mac, o.offset) & 127) << 24)
        | (get_byte(h.mac, o.offset + 1) << 16)
        | (get_byte(h.mac, o.offset + 2) << 8)
        | get_byte(h.mac, o.offset + 3)) % 1000000)::text, 6, '0')
  from (select extensions.hmac(int8send(totp_code.step), totp_code.seed, 'sha1') as mac) h,
    lateral (select get_byte(h.mac, 19) & 15 as "offset") o
$$;
comment on function app_private.totp_code(bytea, bigint) is 'Six-digit code of a time step (RFC 4226, 5.3; RFC 6238).';
alter function app_private.totp_code(bytea, bigint) owner to app_system;
