create or replace function audit.seal_digest(seal audit.seals) returns bytea
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select sha256(s.previous_digest || uuid_send(s.tenant_id) || int8send(s.number)
    || int8send((extract(epoch from s.created_at) * 1000000)::bigint)
    || convert_to(s.from_transaction || '..' || s.until_transaction || ' ', 'utf8') || s.manifest)
  from (select seal.*) s
$$;
comment on function audit.seal_digest(audit.seals) is 'What the digest of a seal must be.';
grant execute on function audit.seal_digest(audit.seals) to app_system;
