-- Raises FH401 UNAUTHENTICATED; refuses with FH401 INVALID_CREDENTIALS or CODE_REQUIRED, FH429 RATE_LIMITED.
create or replace function app_public.reauthenticate(password text, code text default null)
  returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_refusal jsonb;
begin
  v_user_id := app_private.require_session();
  -- What it proves is written down there.
  v_refusal := app_private.prove_identity(v_user_id, reauthenticate.password, reauthenticate.code, true);
  if v_refusal is not null then
    perform app_private.log_audit_event(v_user_id, 'user.reauthentication_refused', 'user', v_user_id);
    return row(null, v_refusal)::app_public.confirmation;
  end if;
  perform app_private.log_audit_event(
    v_user_id, 'user.reauthenticated', 'session', app_hidden.current_session_id());
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.reauthenticate(text, text) is
  'Proves again who is in this session, by password and, with two-factor on, a one-time code or a recovery code. For '
  '15 minutes from then, or from the log-in, it may do what REAUTHENTICATION_REQUIRED refuses.';
alter function app_public.reauthenticate(text, text) owner to app_system;
grant execute on function app_public.reauthenticate(text, text) to app_user;
