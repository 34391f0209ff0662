-- Raises FH404 WEBHOOK_SOURCE_NOT_FOUND.
create or replace function app_private.require_webhook_source(provider text, webhook_source_id uuid)
  returns app_public.webhook_sources
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.webhook_sources;
begin
  select s.* into v_source
  from app_private.webhook_source_directory d
  join app_public.webhook_sources s on s.tenant_id = d.tenant_id and s.id = d.webhook_source_id
  join app_public.projects p on p.tenant_id = s.tenant_id and p.id = s.project_id and p.deleted_at is null
  join app_public.tenants t on t.id = s.tenant_id and t.is_active and t.deleted_at is null
  where d.webhook_source_id = require_webhook_source.webhook_source_id
    and s.provider::text = require_webhook_source.provider and s.is_active;
  if v_source.id is null then
    perform app_hidden.raise_error(404, 'WEBHOOK_SOURCE_NOT_FOUND', 'No such webhook source');
  end if;
  return v_source;
end
$$;
comment on function app_private.require_webhook_source(text, uuid) is
  'The source that takes webhooks at this address; asked before the body is read, and again when it is there.';
alter function app_private.require_webhook_source(text, uuid) owner to app_system;
grant execute on function app_private.require_webhook_source(text, uuid) to freehold_authenticator;
