-- Raises FH404 TOKEN_NOT_VALID.
create or replace function app_private.redeem_user_token(token text, purpose text) returns uuid
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  update app_private.user_tokens t set used_at = now()
  where t.token_hash = app_private.hash_token(redeem_user_token.token)
    and t.purpose = redeem_user_token.purpose and t.used_at is null and t.expires_at > now()
  returning t.user_id into v_user_id;
  if v_user_id is null then
    perform app_hidden.raise_error(404, 'TOKEN_NOT_VALID', 'The link is unknown, used or expired; ask for a new one');
  end if;
  -- Whoever holds the token acts as them.
  perform set_config('app.user_id', v_user_id::text, true);
  return v_user_id;
end
$$;
comment on function app_private.redeem_user_token(text, text) is
  'Redeems a mailed token, once, and returns whose it is.';
alter function app_private.redeem_user_token(text, text) owner to app_system;
