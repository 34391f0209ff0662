-- Raises FH400 REVERT_NOT_CLEAR, REVERT_TOO_LARGE or TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN,
-- FH404 NOTHING_TO_REVERT, FH409 REVERT_CONFLICTS with the first hundred conflicts.
create or replace function app_public.revert(
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
  v_steps     app_public.revert_step[];
  v_conflicts jsonb;
begin
  perform app_private.require_session();
  v_tenant_id := app_private.require_role('admin', 'audit:revert');
  v_steps := array(
    select s from app_private.run_revert(v_tenant_id,
      app_private.revert_plan(v_tenant_id, revert.table_name, revert.row_id, revert.version_id,
        revert.transaction_id, revert.actor_user_id, revert.actor_api_key_id, revert.since),
      false) s);
  select jsonb_agg(jsonb_build_object(
    'tableName', c.table_name, 'rowId', c.row_id, 'action', c.action, 'conflict', c.conflict))
  into v_conflicts
  from (select * from unnest(v_steps) s where s.conflict is not null limit 100) c;
  if v_conflicts is not null then
    perform app_hidden.raise_error(409, 'REVERT_CONFLICTS', 'Nothing was reverted: some rows have conflicts',
      jsonb_build_object('conflicts', v_conflicts));
  end if;
  perform app_private.log_audit_event(app_hidden.current_user_id(), 'revert',
    coalesce(revert.table_name, 'tenant'), coalesce(revert.row_id, v_tenant_id),
    jsonb_strip_nulls(jsonb_build_object(
      'transactionId', pg_current_xact_id()::text, 'steps', cardinality(v_steps),
      'reverted', jsonb_build_object('versionId', revert.version_id, 'transactionId', revert.transaction_id,
        'actorUserId', revert.actor_user_id, 'actorApiKeyId', revert.actor_api_key_id, 'since', revert.since))));
  return query select * from unnest(v_steps);
end
$$;
comment on function app_public.revert(text, uuid, uuid, text, uuid, uuid, timestamptz) is
  'Takes changes back, all or none: a row to a version; a whole transaction; everything a person or a key did since '
  'a moment. Itself a transaction like any other, it can be reverted.';
alter function app_public.revert(text, uuid, uuid, text, uuid, uuid, timestamptz) owner to app_system;
grant execute on function app_public.revert(text, uuid, uuid, text, uuid, uuid, timestamptz) to app_user;
