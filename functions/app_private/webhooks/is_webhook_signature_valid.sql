-- hmac-sha256: 'sha256=' and the HMAC of the body in hex.
create or replace function app_private.is_webhook_signature_valid(
  provider text,
  headers jsonb,
  body bytea,
  secret text
) returns boolean
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce((
    select app_private.constant_time_equals(
      convert_to(is_webhook_signature_valid.headers ->> p.signature_header, 'utf8'),
      case p.signature_scheme
        when 'hmac-sha256' then convert_to('sha256=' || encode(
          extensions.hmac(
            is_webhook_signature_valid.body, convert_to(is_webhook_signature_valid.secret, 'utf8'), 'sha256'),
          'hex'), 'utf8')
      end)
    from app_private.webhook_providers() p
    where p.provider::text = is_webhook_signature_valid.provider), false)
$$;
comment on function app_private.is_webhook_signature_valid(text, jsonb, bytea, text) is
  'Whether a webhook was signed with this secret, in the way of its provider, over the raw bytes.';
alter function app_private.is_webhook_signature_valid(text, jsonb, bytea, text) owner to app_system;
