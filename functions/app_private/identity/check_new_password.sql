-- Raises FH400 PASSWORD_UNSUITABLE.
create or replace function app_private.check_new_password(password text) returns void
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  -- bcrypt ignores what comes after 72 bytes; a longer password would be weaker than it looks.
  if check_new_password.password is null
    or length(check_new_password.password) < 8 or octet_length(check_new_password.password) > 72
  then
    perform app_hidden.raise_error(400, 'PASSWORD_UNSUITABLE',
      'A password has at least 8 characters and at most 72 bytes');
  end if;
end
$$;
comment on function app_private.check_new_password(text) is 'Refuses a password that is too short or too long.';
grant execute on function app_private.check_new_password(text) to app_system;
