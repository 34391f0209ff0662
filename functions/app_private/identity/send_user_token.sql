create or replace function app_private.send_user_token(user_id uuid, purpose text, validity interval) returns void
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select app_private.store_user_token(
    u.id, send_user_token.purpose, send_user_token.validity, app_private.random_token('fh_mail_'), u.email)
  from app_public.users u
  where u.id = send_user_token.user_id
$$;
comment on function app_private.send_user_token(uuid, text, interval) is
  'Mails a person a one-time token; earlier ones of the same purpose stop working.';
alter function app_private.send_user_token(uuid, text, interval) owner to app_system;
