create or replace function app_private.forgive_login_failures(email text) returns void
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  delete from app_private.rate_limits r
  where r.subject_type in ('login_pair', 'login_delay')
    and r.subject_id = app_private.login_subject(forgive_login_failures.email, app_private.current_origin())
$$;
comment on function app_private.forgive_login_failures(text) is
  'Forgets what failed from the origin of the request: whoever owns the address is there. Other origins are not '
  'forgiven.';
alter function app_private.forgive_login_failures(text) owner to app_system;
