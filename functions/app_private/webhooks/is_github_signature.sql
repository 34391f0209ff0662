create or replace function app_private.is_github_signature(body bytea, signature text, secret text) returns boolean
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce(app_private.is_equal_secret(
    convert_to(is_github_signature.signature, 'utf8'),
    convert_to('sha256=' || encode(
      extensions.hmac(is_github_signature.body, convert_to(is_github_signature.secret, 'utf8'), 'sha256'), 'hex'), 'utf8')), false)
$$;
comment on function app_private.is_github_signature(bytea, text, text) is 'Whether X-Hub-Signature-256 is the HMAC-SHA256 of the raw bytes.';
alter function app_private.is_github_signature(bytea, text, text) owner to app_system;
