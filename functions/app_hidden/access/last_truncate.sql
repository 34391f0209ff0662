-- For the as-of functions, to which a table is empty from here on whether or not its reader may see the entry, as a key
-- of one project may not. What "by then" means is said in src/dev/generate/auditSources.ts.
create or replace function app_hidden.last_truncate(table_name text, at timestamptz) returns uuid
  language sql stable security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce((
    select v.id
    from audit.row_versions v
    where v.tenant_id = (select app_hidden.current_tenant_id())
      and v.table_name = last_truncate.table_name and v.row_id is null and v.action = 'truncate'
      and v.created_at <= last_truncate.at
      and case
        when v.created_at > last_truncate.at - interval '1 day'
          and (select current_setting('track_commit_timestamp')) = 'on'
        then (pg_xact_commit_timestamp(v.transaction_id::xid)
          <@ tstzrange(last_truncate.at, v.created_at + interval '1 day', '(]')) is not true
        else true end
    order by v.id desc limit 1), app_hidden.platform_tenant_id())
$$;
comment on function app_hidden.last_truncate(text, timestamptz) is
  'The version that says when a table was last emptied by a moment; all zeros, before every version, when it was not.';
alter function app_hidden.last_truncate(text, timestamptz) owner to app_system;
grant execute on function app_hidden.last_truncate(text, timestamptz) to app_user;
