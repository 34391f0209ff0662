create or replace function app_private.give_back_login_attempt(email text) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.give_back_rate_limit('login_failure', app_private.current_origin(), 900);
  perform app_private.give_back_rate_limit('login_pair',
    app_private.login_subject(give_back_login_attempt.email, app_private.current_origin()), 86400);
  perform app_private.give_back_rate_limit('login_account',
    app_private.login_subject(give_back_login_attempt.email), 86400);
end
$$;
comment on function app_private.give_back_login_attempt(text) is
  'Takes back what a try to log in was counted as: it was not a failure.';
alter function app_private.give_back_login_attempt(text) owner to app_system;
