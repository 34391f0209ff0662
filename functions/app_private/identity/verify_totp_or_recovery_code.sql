create or replace function app_private.verify_totp_or_recovery_code(user_id uuid, code text) returns boolean
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_now     bigint := floor(extract(epoch from clock_timestamp()) / 30);
  v_secrets app_private.user_secrets;
  v_step    bigint;
  v_hash    bytea;
begin
  select * into v_secrets
  from app_private.user_secrets s
  where s.user_id = verify_totp_or_recovery_code.user_id
  for no key update;
  if not found or v_secrets.two_factor_secret is null then
    return false;
  end if;

  if verify_totp_or_recovery_code.code ~ '^[0-9]{6}$' then
    select max(step) into v_step
    from generate_series(v_now - 1, v_now + 1) step
    where step > v_secrets.totp_last_step
      and app_private.totp_code(decode(app_private.decrypt_secret(v_secrets.two_factor_secret), 'hex'), step)
        = verify_totp_or_recovery_code.code;
    if v_step is null then
      return false;
    end if;
    update app_private.user_secrets s set totp_last_step = v_step
    where s.user_id = verify_totp_or_recovery_code.user_id;
    return true;
  end if;

  v_hash := app_private.hash_token(replace(lower(verify_totp_or_recovery_code.code), '-', ''));
  if (v_hash = any (v_secrets.recovery_hashes)) is not true then
    return false;
  end if;
  update app_private.user_secrets s set recovery_hashes = array_remove(s.recovery_hashes, v_hash)
  where s.user_id = verify_totp_or_recovery_code.user_id;
  return true;
end
$$;
comment on function app_private.verify_totp_or_recovery_code(uuid, text) is
  'Whether it is a one-time code (within one step of now) or a recovery code of the person; either is good once.';
alter function app_private.verify_totp_or_recovery_code(uuid, text) owner to app_system;
