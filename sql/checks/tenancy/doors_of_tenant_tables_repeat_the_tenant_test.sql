-- A tenant table is one whose primary key begins with tenant_id; another law sees to it that all others are listed.
-- So that losing the wall alone leaks nothing. Only app_system, which acts for everybody, has doors without it.
with
  tenant_tables as (
    select c.oid, c.relname, c.relispartition, a.attnum as tenant_attnum
    from pg_class c
    join pg_index k on k.indrelid = c.oid and k.indisprimary
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnum = k.indkey[0]
    where c.relkind in ('r', 'p') and c.relnamespace in (select oid from pg_namespace where nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions'))
  ),
  test (expression) as (values ('(tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))')),
  -- Rows of no tenant are for the person alone.
  personal (name, condition) as (values
    ('audit.row_versions.select_subject', '(subject_id = ( SELECT app_hidden.current_user_id() AS current_user_id))'),
    ('app_public.audit_logs.select_self', '(user_id = ( SELECT app_hidden.current_user_id() AS current_user_id))'))
select p.polrelid::regclass::text || '.' || p.polname as offender, e.part || ' does not begin with the tenant test' as why
from tenant_tables t
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
    where s.name = p.polrelid::regclass::text || '.' || p.polname
      and starts_with(e.expression, '((' || test.expression || ' OR (tenant_id = ( SELECT app_hidden.platform_tenant_id() AS platform_tenant_id))) AND ' || s.condition))
