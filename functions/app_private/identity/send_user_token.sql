create or replace function app_private.send_user_token(user_id uuid, purpose text, validity interval) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_token text := app_private.random_token('fh_mail_');
begin
  update app_private.user_tokens t set used_at = now()
  where t.user_id = send_user_token.user_id and t.purpose = send_user_token.purpose and t.used_at is null;
  insert into app_private.user_tokens (token_hash, user_id, purpose, expires_at)
  values (
    app_private.hash_token(v_token), send_user_token.user_id, send_user_token.purpose,
    now() + send_user_token.validity);
  perform app_private.send_email(
    send_user_token.purpose, u.email, v_token, jsonb_build_object('name', u.name), user_id => u.id)
  from app_public.users u
  where u.id = send_user_token.user_id;
end
$$;
comment on function app_private.send_user_token(uuid, text, interval) is
  'Mails a person a one-time token; earlier ones of the same purpose stop working.';
alter function app_private.send_user_token(uuid, text, interval) owner to app_system;
