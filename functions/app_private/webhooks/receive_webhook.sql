-- Raises FH404 WEBHOOK_SOURCE_NOT_FOUND, FH401 SIGNATURE_NOT_VALID, FH400 INVALID_JSON, JSON_TOO_DEEP or
-- BAD_USER_INPUT.
create or replace function app_private.receive_webhook(
  provider text,
  webhook_source_id uuid,
  headers jsonb,
  body bytea
) returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_source   app_public.webhook_sources;
  v_secrets  app_private.webhook_source_secrets;
  v_provider record;
  v_payload  jsonb;
  v_message  jsonb;
  v_id       uuid;
begin
  v_source := app_private.require_webhook_source(receive_webhook.provider, receive_webhook.webhook_source_id);
  select * into v_secrets
  from app_private.webhook_source_secrets w
  where w.tenant_id = v_source.tenant_id and w.webhook_source_id = v_source.id;
  if not app_private.is_webhook_signature_valid(
      receive_webhook.provider, receive_webhook.headers, receive_webhook.body,
      app_private.decrypt_secret(v_secrets.secret))
    and not (v_secrets.previous_expires_at > now() and app_private.is_webhook_signature_valid(
      receive_webhook.provider, receive_webhook.headers, receive_webhook.body,
      app_private.decrypt_secret(v_secrets.previous_secret)))
    is true
  then
    perform app_hidden.raise_error(401, 'SIGNATURE_NOT_VALID', 'The signature does not match');
  end if;

  begin
    v_payload := convert_from(receive_webhook.body, 'utf8')::jsonb;
  exception when data_exception or statement_too_complex then
    perform app_hidden.raise_error(400, 'INVALID_JSON', 'The body is not JSON');
  end;
  if jsonb_path_exists(v_payload, '$.**{201}') then
    perform app_hidden.raise_error(400, 'JSON_TOO_DEEP', 'The body is nested more than 200 levels deep');
  end if;
  select * into strict v_provider
  from app_private.webhook_providers() p
  where p.provider::text = receive_webhook.provider;
  v_message := jsonb_build_object('headers', receive_webhook.headers, 'body', v_payload);
  if jsonb_typeof(v_payload) <> 'object'
    or coalesce(length(v_message #>> v_provider.id_at), 0) not between 1 and 255
    or coalesce(length(v_message #>> v_provider.type_at), 0) not between 1 and 255
  then
    perform app_hidden.raise_error(400, 'BAD_USER_INPUT',
      'A webhook is a JSON object that comes with an id and a type of 1 to 255 characters each',
      jsonb_build_object('idAt', v_provider.id_at, 'typeAt', v_provider.type_at));
  end if;

  perform set_config('app.actor_type', 'webhook', true), set_config('app.actor', v_source.id::text, true);
  insert into app_public.webhook_events (
    tenant_id, webhook_source_id, project_id, source, event_type, unique_request_id, payload, raw_body, body_hash,
    headers)
  values (
    v_source.tenant_id, v_source.id, v_source.project_id, receive_webhook.provider,
    v_message #>> v_provider.type_at, v_message #>> v_provider.id_at, v_payload, receive_webhook.body,
    sha256(receive_webhook.body),
    (select coalesce(jsonb_object_agg(h.key, h.value), '{}')
      from jsonb_each(receive_webhook.headers) h
      where h.key = any ('{content-type,user-agent}' || v_provider.kept_headers)))
  -- The delivery id is not signed, so the same bytes under another one are a replay, whenever they come: what providers
  -- send carries ids and times, and does not come twice by itself.
  on conflict do nothing
  returning id into v_id;
  if v_id is null then
    return jsonb_build_object('status', 200, 'duplicate', true);
  end if;
  update app_public.webhook_sources s set last_received_at = now()
  where s.tenant_id = v_source.tenant_id and s.id = v_source.id
    and (s.last_received_at is null or s.last_received_at < now() - interval '1 minute');
  perform app_private.add_job('webhook__apply',
    json_build_object('tenantId', v_source.tenant_id, 'webhookEventId', v_id), v_id::text);
  return jsonb_build_object('status', 202, 'duplicate', false, 'webhookEventId', v_id);
end
$$;
comment on function app_private.receive_webhook(text, uuid, jsonb, bytea) is
  'Takes a webhook: checks the signature over the raw bytes, drops a delivery seen before, stores the rest and adds '
  'its job, all in one transaction. Header names are in lower case.';
alter function app_private.receive_webhook(text, uuid, jsonb, bytea) owner to app_system;
grant execute on function app_private.receive_webhook(text, uuid, jsonb, bytea) to freehold_authenticator;
