create or replace function app_private.store_idempotent_response(
  operation text,
  key text,
  request jsonb,
  response jsonb
) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.idempotency_keys (tenant_id, operation, key, request_hash, response)
  values (app_hidden.current_tenant_id(), store_idempotent_response.operation, store_idempotent_response.key,
    sha256(convert_to(store_idempotent_response.request::text, 'utf8')), store_idempotent_response.response)
  on conflict on constraint idempotency_keys_pkey do update
  set request_hash = excluded.request_hash, response = excluded.response,
    created_at = now(), expires_at = now() + interval '24 hours';
end
$$;
comment on function app_private.store_idempotent_response(text, text, jsonb, jsonb) is
  'Keeps a response for retries with the same idempotency key, for a day.';
alter function app_private.store_idempotent_response(text, text, jsonb, jsonb) owner to app_system;
