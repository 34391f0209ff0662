-- Each of these asks require_operator first; app_operator has nothing else, of our schemas or any other.
with
  allowed (name) as (values
    ('app_private.suspend_user'), ('app_private.restore_user'),
    ('app_private.suspend_tenant'), ('app_private.restore_tenant'), ('app_private.close_tenant'),
    ('app_private.change_user_email'), ('app_private.resend_verification'),
    ('app_private.list_tenants'), ('app_private.enter_tenant')
  )
select
  f.oid::regprocedure::text as offender,
  case when a.name is null then 'app_operator may execute it, and it is not an act of operators'
    else 'it does not ask require_operator before anything else' end as why,
  case when a.name is null then 'revoke it, or list it in '
      'sql/checks/access/operators_call_their_functions_and_touch_no_table.sql'
    else 'begin its body with v_operator := app_private.require_operator();' end as mend
from pg_proc f
join pg_namespace n on n.oid = f.pronamespace and n.oid in (select oid from app_private.our_schemas)
left join allowed a on a.name = n.nspname || '.' || f.proname
where has_function_privilege('app_operator', f.oid, 'execute') and f.prorettype <> 'trigger'::regtype
  and (a.name is null or f.prosrc !~ '\mbegin\s+v_operator := app_private\.require_operator\(\);')
union all
select
  c.oid::regclass::text, 'app_operator has a privilege on it',
  format('revoke all on %s from app_operator;', c.oid::regclass)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
where c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (has_table_privilege('app_operator', c.oid, 'select, insert, update, delete, truncate, references, trigger')
    or has_any_column_privilege('app_operator', c.oid, 'select, insert, update, references'))
