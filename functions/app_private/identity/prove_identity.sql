-- Counts before it looks, so that guesses at the same time do not pass the limit, and returns the refusal, since
-- raising would undo the count. Counted by session: who guesses in a stolen one stops nobody elsewhere.
create or replace function app_private.prove_identity(
  user_id uuid,
  password text,
  code text,
  needs_code boolean
) returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_subject       text := coalesce(app_hidden.current_session_id()::text, prove_identity.user_id::text, '');
  v_is_two_factor boolean;
begin
  if not app_private.take_rate_limit('password', v_subject, 900, 10) then
    return app_hidden.refusal(429, 'RATE_LIMITED', 'Too many wrong passwords in this session',
      '{"retryAfterSeconds": 900}');
  end if;
  if not app_private.is_password_of(prove_identity.user_id, prove_identity.password) then
    return app_hidden.refusal(401, 'INVALID_CREDENTIALS', 'The address, the password or the code is wrong');
  end if;
  v_is_two_factor := exists (
    select from app_public.users u where u.id = prove_identity.user_id and u.two_factor_enabled);
  if prove_identity.needs_code and v_is_two_factor then
    if nullif(prove_identity.code, '') is null then
      perform app_private.give_back_rate_limit('password', v_subject, 900);
      return app_hidden.refusal(401, 'CODE_REQUIRED', 'A one-time code or a recovery code is needed');
    elsif not app_private.verify_totp_or_recovery_code(prove_identity.user_id, prove_identity.code) then
      return app_hidden.refusal(401, 'INVALID_CREDENTIALS', 'The address, the password or the code is wrong');
    end if;
  end if;
  perform app_private.give_back_rate_limit('password', v_subject, 900);
  -- A password alone is not all that a person with two factors has to show.
  if prove_identity.needs_code or not v_is_two_factor then
    update app_public.sessions s set reauthenticated_at = clock_timestamp()
    where s.id = app_hidden.current_session_id() and s.user_id = prove_identity.user_id;
  end if;
  return null;
end
$$;
comment on function app_private.prove_identity(uuid, text, text, boolean) is
  'Checks password and second factor of the person of a session, ten wrong ones in a quarter of an hour at most; '
  'returns why not, or null. Who proved both has authenticated recently.';
alter function app_private.prove_identity(uuid, text, text, boolean) owner to app_system;
