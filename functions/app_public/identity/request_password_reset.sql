create or replace function app_public.request_password_reset(email text) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  select u.id into v_user_id
  from app_public.users u
  where u.email = lower(trim(request_password_reset.email)) and u.is_active and u.deleted_at is null;
  if app_private.take_rate_limit('reset', lower(trim(request_password_reset.email)), 3600, 5)
    and v_user_id is not null
  then
    perform app_private.send_user_token(v_user_id, 'reset_password', interval '1 hour');
    -- Nobody has proved to be that person yet: they are the resource, not the actor.
    perform app_private.log_audit_event(
      app_hidden.current_user_id(), 'user.password_reset_requested', 'user', v_user_id);
  end if;
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.request_password_reset(text) is
  'Mails a token to choose a new password with, valid for an hour. Answers alike whether or not the address is known.';
alter function app_public.request_password_reset(text) owner to app_system;
grant execute on function app_public.request_password_reset(text) to app_anonymous, app_user;
