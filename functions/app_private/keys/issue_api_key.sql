create or replace function app_private.issue_api_key(key app_public.api_keys) returns app_public.created_api_key
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_head       text;
  v_token      text;
  v_id         uuid;
  v_expires_at timestamptz;
begin
  v_head  := 'fh_live_' || encode(extensions.gen_random_bytes(6), 'hex');
  v_token := v_head || '_' || encode(extensions.gen_random_bytes(32), 'hex');
  v_token := v_token || app_private.token_checksum(v_token);
  insert into app_public.api_keys (
    tenant_id, user_id, name, key_prefix, checksum, scopes, permissions, project_id, environment_id, allowed_ips,
    usage_limit, rate_limit_per_minute, expires_at, rotated_from_id)
  values (
    (issue_api_key.key).tenant_id, (issue_api_key.key).user_id, (issue_api_key.key).name, v_head, right(v_token, 8),
    (issue_api_key.key).scopes, (issue_api_key.key).permissions, (issue_api_key.key).project_id,
    (issue_api_key.key).environment_id, (issue_api_key.key).allowed_ips, (issue_api_key.key).usage_limit,
    (issue_api_key.key).rate_limit_per_minute, (issue_api_key.key).expires_at, (issue_api_key.key).rotated_from_id)
  returning id, expires_at into v_id, v_expires_at;
  insert into app_private.api_key_directory (key_hash, tenant_id, api_key_id)
  values (app_private.hash_token(v_token), (issue_api_key.key).tenant_id, v_id);
  return row(v_token, v_id, v_head, v_expires_at)::app_public.created_api_key;
end
$$;
comment on function app_private.issue_api_key(app_public.api_keys) is
  'Makes a key from a row that says what it may do; the one place where its text exists.';
alter function app_private.issue_api_key(app_public.api_keys) owner to app_system;
