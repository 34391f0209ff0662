-- Helpers in app_hidden read claims only, and the API does not show them.
with called (name, reason) as (values
  ('register',               'opens an account'),
  ('login',                  'opens a session'),
  ('verify_email',           'the mailed token is the proof'),
  ('confirm_email',          'the mailed token is the proof'),
  ('request_password_reset', 'whoever forgot a password is not logged in'),
  ('reset_password',         'the mailed token is the proof'),
  ('decline_invitation',     'the mailed token is the proof'),
  ('current_user',           'null says that nobody is logged in'),
  ('current_tenant',         'null says that no tenant was chosen')
)
select
  f.oid::regprocedure::text as offender,
  'it is executable without a log-in, for which no reason is listed' as why,
  format('functions/app_public/…/%s.sql: grant execute to app_user only; or, if nobody can have logged in yet, list '
    'it in sql/checks/access/anonymous_calls_few_functions.sql with the reason', f.proname) as mend
from pg_proc f
where f.pronamespace = 'app_public'::regnamespace
  and has_function_privilege('app_anonymous', f.oid, 'execute')
  and f.proname not in (select name from called)
