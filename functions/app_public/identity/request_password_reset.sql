-- Refuses with FH429 RATE_LIMITED, by origin alone.
create or replace function app_public.request_password_reset(email text) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_email   app_public.email := lower(trim(request_password_reset.email));
  v_user_id uuid;
begin
  if not app_private.take_rate_limit('reset', app_private.current_origin(), 3600, 60) then
    return row(null, app_hidden.refusal(429, 'RATE_LIMITED', 'Too many resets from this address',
      '{"retryAfterSeconds": 3600}'))::app_public.confirmation;
  end if;
  select u.id into v_user_id
  from app_public.users u
  where u.email = v_email and u.is_active and u.deleted_at is null;
  -- More than that are not mailed, and whoever asks is not told: the last one that was mailed still works.
  if app_private.take_rate_limit('reset', v_email, 3600, 5) then
    perform app_private.store_user_token(
      v_user_id, 'reset_password', interval '1 hour', app_private.random_token('fh_mail_'), v_email);
    -- Nobody has proved to be that person yet: they are the resource, not the actor.
    perform app_private.log_audit_event(
      app_hidden.current_user_id(), 'user.password_reset_requested', 'user', v_user_id);
  end if;
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.request_password_reset(text) is
  'Mails a token to choose a new password with, valid for an hour. Answers alike, after the same work, whether or '
  'not the address is known.';
alter function app_public.request_password_reset(text) owner to app_system;
grant execute on function app_public.request_password_reset(text) to app_anonymous, app_user;
