-- Raises FH409 IDEMPOTENCY_KEY_REUSED when the arguments were others.
create or replace function app_private.find_idempotent_response(operation text, key text, request jsonb) returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_known record;
begin
  -- Two requests with one key wait for each other, so the second finds the response to the first.
  perform pg_advisory_xact_lock(hashtextextended(
    app_hidden.current_tenant_id()::text || find_idempotent_response.operation || find_idempotent_response.key, 0));
  select i.request_hash, i.response into v_known
  from app_public.idempotency_keys i
  where i.tenant_id = app_hidden.current_tenant_id() and i.operation = find_idempotent_response.operation
    and i.key = find_idempotent_response.key and i.expires_at > now();
  if v_known.request_hash <> sha256(convert_to(find_idempotent_response.request::text, 'utf8')) then
    perform app_hidden.raise_error(409, 'IDEMPOTENCY_KEY_REUSED', 'The idempotency key was used for another request');
  end if;
  return v_known.response;
end
$$;
comment on function app_private.find_idempotent_response(text, text, jsonb) is
  'Response given before to the same operation and idempotency key; null when there is none.';
alter function app_private.find_idempotent_response(text, text, jsonb) owner to app_system;
