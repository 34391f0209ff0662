-- The same statements whether the address is somebody's or nobody's: the time it takes is not to tell.
create or replace function app_private.store_user_token(
  user_id uuid,
  purpose text,
  validity interval,
  token text,
  recipient app_public.email
) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  update app_private.user_tokens t set used_at = now()
  where t.user_id = store_user_token.user_id and t.purpose = store_user_token.purpose and t.used_at is null;
  insert into app_private.user_tokens (token_hash, user_id, purpose, expires_at)
  values (
    app_private.hash_token(store_user_token.token), store_user_token.user_id, store_user_token.purpose,
    now() + store_user_token.validity);
  perform app_private.send_email(store_user_token.purpose, store_user_token.recipient, store_user_token.token,
    coalesce((
      select jsonb_build_object('name', u.name) from app_public.users u where u.id = store_user_token.user_id), '{}'),
    user_id => store_user_token.user_id);
end
$$;
comment on function app_private.store_user_token(uuid, text, interval, text, app_public.email) is
  'Keeps the hash of a one-time token and mails it; earlier ones of the same person and purpose stop working. '
  'Without a person it is a token of nobody, and the worker mails nothing.';
alter function app_private.store_user_token(uuid, text, interval, text, app_public.email) owner to app_system;
