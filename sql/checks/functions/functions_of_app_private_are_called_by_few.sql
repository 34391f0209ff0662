-- Trigger functions can not be called, whoever may execute them.
with called (name, role, reason) as (values
  ('authenticate',             'freehold_authenticator', 'turns a token into claims, before there is a role'),
  ('receive_webhook',          'freehold_authenticator', 'the sender is known by its signature only'),
  ('require_webhook_source',   'freehold_authenticator', 'asked before a body is read'),
  ('wrap_keyring',             'freehold_authenticator', 'has the ring, and is to lend it'),
  ('log_refusal',              'freehold_authenticator', 'what was refused is rolled back, that it was is not'),
  ('wrap_keyring',             'freehold_worker',        'has the ring, and is to lend it'),
  ('add_job',                  'freehold_worker',        'owns it'),
  ('apply_webhook_event',      'freehold_worker',        'task webhook__apply'),
  ('dispatch_events',          'freehold_worker',        'the dispatcher'),
  ('ensure_partitions',        'freehold_worker',        'scheduled'),
  ('measure_lag',              'freehold_authenticator', 'asked by every process, and told at /readyz'),
  ('measure_lag',              'freehold_worker',        'asked by every process'),
  ('requeue_lost_deployments', 'freehold_worker',        'scheduled'),
  ('seal_audit',               'freehold_worker',        'scheduled'),
  ('seals_after',              'freehold_worker',        'task audit__seal, which publishes them'),
  ('sweep_expired',            'freehold_worker',        'scheduled'),
  ('decrypt_secret',           'freehold_worker',        'tasks that send mail and webhooks')
)
select
  f.oid::regprocedure::text as offender,
  'it is executable by ' || r.rolname || ', for which no reason is listed' as why,
  format('functions/app_private/…/%s.sql: take the grant to %s out, and revoke it in migrations/current.sql; or list '
    'it in sql/checks/functions/functions_of_app_private_are_called_by_few.sql with the reason',
    f.proname, r.rolname) as mend
from pg_proc f
cross join pg_roles r
where f.pronamespace = 'app_private'::regnamespace and f.prorettype <> 'trigger'::regtype
  and r.rolname in ('app_anonymous', 'app_user', 'freehold_authenticator', 'freehold_worker')
  and has_function_privilege(r.oid, f.oid, 'execute')
  and (f.proname, r.rolname) not in (select name, role from called)
