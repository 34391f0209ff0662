-- Raises FH400 PROVIDER_NOT_SUPPORTED, SECRET_TOO_SHORT or TENANT_REQUIRED, FH403 FORBIDDEN, FH404 PROJECT_NOT_FOUND.
create or replace function app_public.create_webhook_source(
  project_id uuid,
  name text,
  provider app_public.webhook_provider default 'github',
  secret text default null
) returns app_public.created_webhook_source
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
  v_source  app_public.webhook_sources;
  v_secret  text := coalesce(create_webhook_source.secret, encode(extensions.gen_random_bytes(32), 'hex'));
begin
  -- Null is as if nothing were said.
  create_webhook_source.provider := coalesce(create_webhook_source.provider, 'github');
  v_project := app_private.require_project(create_webhook_source.project_id, 'developer', 'webhooks:write');
  if not exists (select from app_private.webhook_providers() p where p.provider = create_webhook_source.provider) then
    perform app_hidden.raise_error(400, 'PROVIDER_NOT_SUPPORTED', 'Webhooks of this provider are not understood yet');
  elsif length(create_webhook_source.secret) < 16 then
    perform app_hidden.raise_error(400, 'SECRET_TOO_SHORT',
      'A signing secret has at least 16 characters; leave it out to get a random one');
  end if;
  insert into app_public.webhook_sources (tenant_id, project_id, provider, name)
  values (v_project.tenant_id, v_project.id, create_webhook_source.provider, create_webhook_source.name)
  returning * into v_source;
  insert into app_private.webhook_source_secrets (tenant_id, webhook_source_id, secret)
  values (v_source.tenant_id, v_source.id, app_private.encrypt_secret(v_secret));
  insert into app_private.webhook_source_directory (webhook_source_id, tenant_id)
  values (v_source.id, v_source.tenant_id);
  perform app_private.log_audit_event(
    app_hidden.current_user_id(), 'webhook_source.created', 'webhook_source', v_source.id,
    jsonb_build_object('provider', v_source.provider, 'projectId', v_source.project_id));
  return row(
    v_source.id, '/webhooks/' || v_source.provider || '/' || v_source.id, v_secret)::app_public.created_webhook_source;
end
$$;
comment on function app_public.create_webhook_source(uuid, text, app_public.webhook_provider, text) is
  'Makes an address for the webhooks of a project and returns its signing secret, this once. Without a secret of '
  'your own you get a random one.';
alter function app_public.create_webhook_source(uuid, text, app_public.webhook_provider, text) owner to app_system;
grant execute on function app_public.create_webhook_source(uuid, text, app_public.webhook_provider, text) to app_user;
