-- Returns null for a token of no registration, and for an address that has got an account meanwhile.
create or replace function app_private.open_account(token text) returns uuid
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_registration app_private.registrations;
  v_user_id      uuid;
begin
  delete from app_private.registrations r
  where r.token_hash = app_private.hash_token(open_account.token) and r.expires_at > now()
  returning * into v_registration;
  if v_registration.token_hash is null then
    return null;
  end if;
  -- A name that was not chosen gives way to one that was, and to whoever was first.
  if v_registration.username is null or exists (
    select from app_public.users u where u.username = v_registration.username and u.deleted_at is null)
  then
    v_registration.username := app_private.free_username(coalesce(v_registration.username, v_registration.email));
  end if;
  insert into app_public.users (email, username, name, email_verified_at)
  values (v_registration.email, v_registration.username, v_registration.name, now())
  on conflict (email) where deleted_at is null do nothing
  returning id into v_user_id;
  if v_user_id is null then
    return null;
  end if;
  -- Whoever holds the token acts as them.
  perform set_config('app.user_id', v_user_id::text, true);
  insert into app_public.user_settings (user_id) values (v_user_id);
  insert into app_private.user_secrets (user_id, password_hash) values (v_user_id, v_registration.password_hash);
  -- Others who asked for this address, with passwords of their own, have lost it.
  delete from app_private.registrations r where r.email = v_registration.email;
  return v_user_id;
end
$$;
comment on function app_private.open_account(text) is
  'Makes the account that a mailed token was asked for; its address is proved by that.';
alter function app_private.open_account(text) owner to app_system;
