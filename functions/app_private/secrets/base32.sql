create or replace function app_private.base32(data bytea) returns text
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select string_agg(
    substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', lpad(substr(b.bits, i, 5), 5, '0')::bit(5)::integer + 1, 1),
    '' order by i)
  from (select substr(base32.data::text, 3) as hex) x,
    lateral (select string_agg(('x' || substr(x.hex, n, 1))::bit(4)::text, '' order by n) as bits
      from generate_series(1, length(x.hex)) n) b,
    generate_series(1, length(b.bits), 5) i
$$;
comment on function app_private.base32(bytea) is 'Base 32 of a multiple of five bytes (RFC 4648, 6).';
grant execute on function app_private.base32(bytea) to app_system;
