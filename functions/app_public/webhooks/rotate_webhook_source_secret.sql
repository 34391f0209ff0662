-- Raises FH400 GRACE_OUT_OF_RANGE or TENANT_REQUIRED, FH403 FORBIDDEN, FH404 PROJECT_NOT_FOUND.
create or replace function app_public.rotate_webhook_source_secret(id uuid, grace interval default '24 hours')
  returns app_public.created_webhook_source
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.webhook_sources;
  v_secret text := encode(extensions.gen_random_bytes(32), 'hex');
begin
  select * into v_source
  from app_public.webhook_sources s
  where s.tenant_id = app_hidden.current_tenant_id() and s.id = rotate_webhook_source_secret.id;
  perform app_private.require_project(v_source.project_id, 'developer', 'webhooks:write');
  if rotate_webhook_source_secret.grace is null
    or rotate_webhook_source_secret.grace not between interval '0' and interval '30 days'
  then
    perform app_hidden.raise_error(400, 'GRACE_OUT_OF_RANGE', 'The grace interval is between nothing and 30 days');
  end if;
  update app_private.webhook_source_secrets s
  set previous_secret = s.secret, previous_expires_at = now() + rotate_webhook_source_secret.grace,
    secret = app_private.encrypt_secret(v_secret)
  where s.tenant_id = v_source.tenant_id and s.webhook_source_id = v_source.id;
  perform app_private.log_audit_event(
    app_hidden.current_user_id(), 'webhook_source.secret_rotated', 'webhook_source', v_source.id,
    jsonb_build_object('projectId', v_source.project_id));
  return row(
    v_source.id, '/webhooks/' || v_source.provider || '/' || v_source.id, v_secret)::app_public.created_webhook_source;
end
$$;
comment on function app_public.rotate_webhook_source_secret(uuid, interval) is
  'Gives a source a new signing secret and returns it, this once; the old one works on for the grace interval.';
alter function app_public.rotate_webhook_source_secret(uuid, interval) owner to app_system;
grant execute on function app_public.rotate_webhook_source_secret(uuid, interval) to app_user;
