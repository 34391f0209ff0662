-- So that losing the wall alone leaks nothing. Only app_system, which acts for everybody, has doors without it.
with
  test (expression) as (values ('(tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))')),
  -- Rows of no tenant are for the person alone.
  personal (name, condition) as (values
    ('audit.row_versions.select_subject', '(subject_id = ( SELECT app_hidden.current_user_id() AS current_user_id))'),
    ('app_public.audit_logs.select_self', '(user_id = ( SELECT app_hidden.current_user_id() AS current_user_id))'))
select
  t.full_name || '.' || p.polname as offender,
  e.part || ' does not begin with the tenant test' as why,
  format('policies/%s/%s.sql: %s (tenant_id = (select app_hidden.current_tenant_id()) and (…)) in %s', t.schema,
    t.name, e.part, p.polname) as mend
from app_private.tenant_tables t
join pg_policy p on p.polrelid = t.oid and p.polpermissive
cross join test
cross join lateral (values
  ('using',      pg_get_expr(p.polqual, p.polrelid)),
  ('with check', pg_get_expr(p.polwithcheck, p.polrelid))
) e (part, expression)
where p.polroles <> array['app_system'::regrole::oid]
  and e.expression is not null
  and e.expression <> test.expression and not starts_with(e.expression, '(' || test.expression || ' AND ')
  and not exists (
    select from personal s
    where s.name = t.full_name || '.' || p.polname
      and starts_with(e.expression, format(
        '((%s OR (tenant_id = ( SELECT app_hidden.platform_tenant_id() AS platform_tenant_id))) AND %s',
        test.expression, s.condition)))
