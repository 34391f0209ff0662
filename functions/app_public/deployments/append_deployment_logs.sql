-- Raises FH400 BATCH_TOO_LARGE or TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND,
-- FH409 IDEMPOTENCY_KEY_REUSED or LEASE_LOST.
drop function if exists app_public.append_deployment_logs(uuid, app_public.log_line[], text);

create or replace function app_public.append_deployment_logs(
  deployment_id uuid,
  lines app_public.log_line[],
  request_id text default null,
  lease_token text default null
) returns bigint
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
  v_last       bigint;
  v_request    jsonb;
  v_response   jsonb;
begin
  v_deployment := app_private.require_deployment(append_deployment_logs.deployment_id, 'developer', false);
  if cardinality(append_deployment_logs.lines) > 1000 then
    perform app_hidden.raise_error(400, 'BATCH_TOO_LARGE', 'At most 1000 lines at once');
  end if;
  -- The counter row orders the writers of one deployment: numbers come without a gap, in the order of commit.
  insert into app_private.deployment_log_sequences as s (tenant_id, deployment_id)
  values (v_deployment.tenant_id, v_deployment.id)
  on conflict on constraint deployment_log_sequences_pkey do update set last_sequence = s.last_sequence
  returning s.last_sequence into v_last;
  if append_deployment_logs.request_id is not null then
    v_request := to_jsonb(append_deployment_logs.lines);
    v_response := app_private.find_idempotent_response(
      'append_deployment_logs ' || v_deployment.id, append_deployment_logs.request_id, v_request);
    if v_response is not null then
      return (v_response ->> 'sequence')::bigint;
    end if;
  end if;

  if append_deployment_logs.lease_token is not null or exists (
    select from unnest(append_deployment_logs.lines) l where coalesce(l.source, 'build') in ('build', 'deploy'))
  then
    -- Shared: nobody ends the lease before the lines are in, and other batches need not wait.
    select * into v_deployment
    from app_public.deployments d
    where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id
    for share;
    perform app_private.require_lease(v_deployment, append_deployment_logs.lease_token);
  end if;
  insert into app_public.deployment_logs (
    tenant_id, project_id, deployment_id, sequence, level, source, message, service_name, container_name, daemon,
    request_id, "timestamp")
  select v_deployment.tenant_id, v_deployment.project_id, v_deployment.id, v_last + l.place,
    coalesce(l.level, 'info'), coalesce(l.source, 'build'), coalesce(l.message, ''), l.service_name, l.container_name,
    l.daemon, append_deployment_logs.request_id, coalesce(l."timestamp", clock_timestamp())
  from unnest(append_deployment_logs.lines) with ordinality
    as l (message, level, source, "timestamp", service_name, container_name, daemon, place);
  v_last := v_last + coalesce(cardinality(append_deployment_logs.lines), 0);
  update app_private.deployment_log_sequences s set last_sequence = v_last
  where s.tenant_id = v_deployment.tenant_id and s.deployment_id = v_deployment.id;
  if append_deployment_logs.request_id is not null then
    perform app_private.store_idempotent_response(
      'append_deployment_logs ' || v_deployment.id, append_deployment_logs.request_id,
      v_request, jsonb_build_object('sequence', v_last));
  end if;
  perform pg_notify('deployment_logs:' || v_deployment.id, json_build_object('sequence', v_last)::text);
  return v_last;
end
$$;
comment on function app_public.append_deployment_logs(uuid, app_public.log_line[], text, text) is
  'Appends at most 1000 lines and returns the sequence of the last. Lines of building and deploying need the token of '
  'the lease. With a request id, the same batch sent again is not stored twice. U+0000 is stored as U+FFFD.';
alter function app_public.append_deployment_logs(uuid, app_public.log_line[], text, text) owner to app_system;
grant execute on function app_public.append_deployment_logs(uuid, app_public.log_line[], text, text) to app_user;
