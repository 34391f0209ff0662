-- Whoever has an IPv6 address has 2^64 of them: the network is what is counted.
create or replace function app_private.current_origin() returns text
  language sql stable security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce(
    case
      when family(i.ip) = 4 then host(i.ip)
      when i.ip <<= '::ffff:0.0.0.0/96' then split_part(host(i.ip), 'ffff:', 2)
      else network(set_masklen(i.ip, 64))::text
    end, 'unknown')
  from (select app_hidden.current_ip()) i (ip)
$$;
comment on function app_private.current_origin() is
  'Where the request came from, as it is counted: an IPv4 address, or the /64 network of an IPv6 address.';
alter function app_private.current_origin() owner to app_system;
