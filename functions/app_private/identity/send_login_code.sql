-- One in an hour, good for two: however often it is asked for, the last one that was mailed works.
create or replace function app_private.send_login_code(email text, user_id uuid) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_code text := encode(extensions.gen_random_bytes(8), 'hex');
begin
  -- What is no address can be nobody's, and no mail goes there.
  if pg_input_is_valid(send_login_code.email, 'app_public.email')
    and app_private.take_rate_limit('login_code', app_private.login_subject(send_login_code.email), 3600, 1)
  then
    perform app_private.store_user_token(
      send_login_code.user_id, 'login_code', interval '2 hours', v_code, send_login_code.email);
  end if;
end
$$;
comment on function app_private.send_login_code(text, uuid) is
  'Mails a code of 64 bits that a log-in asks for besides the password; does the same work, and mails nothing, for '
  'nobody.';
alter function app_private.send_login_code(text, uuid) owner to app_system;
