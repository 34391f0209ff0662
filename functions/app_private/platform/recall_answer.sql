-- Raises FH409 IDEMPOTENCY_KEY_REUSED when the arguments were others.
create or replace function app_private.recall_answer(operation text, key text, request jsonb) returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_known record;
begin
  -- Two requests with one key wait for each other, so the second finds the answer of the first.
  perform pg_advisory_xact_lock(hashtextextended(
    app_hidden.current_tenant_id()::text || recall_answer.operation || recall_answer.key, 0));
  select i.request_hash, i.response into v_known
  from app_public.idempotency_keys i
  where i.tenant_id = app_hidden.current_tenant_id() and i.operation = recall_answer.operation
    and i.key = recall_answer.key and i.expires_at > now();
  if v_known.request_hash <> sha256(convert_to(recall_answer.request::text, 'utf8')) then
    perform app_hidden.raise_error(409, 'IDEMPOTENCY_KEY_REUSED', 'The idempotency key was used for another request');
  end if;
  return v_known.response;
end
$$;
comment on function app_private.recall_answer(text, text, jsonb) is 'Answer given before to the same operation and idempotency key; null when there is none.';
alter function app_private.recall_answer(text, text, jsonb) owner to app_system;
