-- Raises FH400 REVERT_NOT_CLEAR, REVERT_TOO_LARGE or TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN,
-- FH404 NOTHING_TO_REVERT.
-- Volatile, since it does what it shows and takes it back; a query in the API all the same (src/graphql/tags.json5).
create or replace function app_public.preview_revert(
  table_name text default null,
  row_id uuid default null,
  version_id uuid default null,
  transaction_id text default null,
  actor_user_id uuid default null,
  actor_api_key_id uuid default null,
  since timestamptz default null
) returns setof app_public.revert_step
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
begin
  perform app_private.require_session();
  v_tenant_id := app_private.require_role('admin', 'audit:revert');
  return query
  select * from app_private.run_revert(v_tenant_id,
    app_private.revert_plan(v_tenant_id, preview_revert.table_name, preview_revert.row_id,
      preview_revert.version_id, preview_revert.transaction_id, preview_revert.actor_user_id,
      preview_revert.actor_api_key_id, preview_revert.since),
    true);
end
$$;
comment on function app_public.preview_revert(text, uuid, uuid, text, uuid, uuid, timestamptz) is
  'What revert with the same arguments would do, and what stands in its way: a row to a version; a whole '
  'transaction; everything a person or a key did since a moment.';
alter function app_public.preview_revert(text, uuid, uuid, text, uuid, uuid, timestamptz) owner to app_system;
grant execute on function app_public.preview_revert(text, uuid, uuid, text, uuid, uuid, timestamptz) to app_user;
