-- All that is particular to a provider, a row each. Another one is another row, and a `when` of
-- is_webhook_signature_valid if it signs in a way of its own. id_at and type_at are paths into
-- {"headers": {}, "body": {}}; names of headers are in lower case.
create or replace function app_private.webhook_providers()
  returns table (
    provider app_public.webhook_provider,
    signature_header text,
    signature_scheme text,
    id_at text[],
    type_at text[],
    kept_headers text[])
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  values (
    'github'::app_public.webhook_provider, 'x-hub-signature-256', 'hmac-sha256',
    '{headers,x-github-delivery}'::text[], '{headers,x-github-event}'::text[],
    '{x-github-delivery,x-github-event,x-github-hook-id}'::text[])
$$;
comment on function app_private.webhook_providers() is
  'The providers whose webhooks are understood: how they sign, where their delivery id and event type stand, which '
  'of their headers the inbox keeps.';
grant execute on function app_private.webhook_providers() to app_system;
