create or replace function audit.version_digest(version audit.row_versions) returns bytea
  language sql stable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select sha256(convert_to(jsonb_build_array(
    v.tenant_id, (extract(epoch from v.created_at) * 1000000)::bigint, v.id, v.table_name, v.row_id,
    v.project_id, v.subject_id, v.reader_role, v.action, v.actor_type, v.user_id, v.api_key_id, v.actor,
    v.session_id, v.request_id, v.transaction_id::text,
    v.snapshot, v.diff, encode(v.personal_digest, 'hex'), encode(v.origin_digest, 'hex'))::text, 'utf8'))
  from (select version.*) v
$$;
comment on function audit.version_digest(audit.row_versions) is
  'SHA-256 of everything in a version but its personal columns, for which their own digests stand.';
grant execute on function audit.version_digest(audit.row_versions) to app_system;
