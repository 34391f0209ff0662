-- Returns the refusal and does not raise it: raising would undo the count.
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
  v_subject     text;
  v_is_password boolean;
begin
  v_subject := coalesce(prove_identity.user_id::text, '');
  v_is_password := app_private.is_password_of(prove_identity.user_id, prove_identity.password);
  if app_private.rate_limit_count('password', v_subject, 900) >= 10 or not v_is_password then
    perform app_private.take_rate_limit('password', v_subject, 900, 10);
    return
      '{"sqlstate": "FH401", "code": "INVALID_CREDENTIALS", '
      '"message": "The address, the password or the code is wrong"}';
  end if;
  if prove_identity.needs_code and exists (
    select from app_public.users u where u.id = prove_identity.user_id and u.two_factor_enabled)
  then
    if nullif(prove_identity.code, '') is null then
      return
        '{"sqlstate": "FH401", "code": "CODE_REQUIRED", '
        '"message": "A one-time code or a recovery code is needed"}';
    elsif not app_private.verify_totp_or_recovery_code(prove_identity.user_id, prove_identity.code) then
      perform app_private.take_rate_limit('password', v_subject, 900, 10);
      return
        '{"sqlstate": "FH401", "code": "INVALID_CREDENTIALS", '
        '"message": "The address, the password or the code is wrong"}';
    end if;
  end if;
  return null;
end
$$;
comment on function app_private.prove_identity(uuid, text, text, boolean) is
  'Checks password and second factor of a person and counts failures, ten in a quarter of an hour at most; returns '
  'why not, or null.';
alter function app_private.prove_identity(uuid, text, text, boolean) owner to app_system;
