with
  wall (expression) as (values ('(tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))')),
  -- Their rows of no tenant are for the person alone; column: who that is.
  personal (name, person) as (values ('audit.row_versions', 'subject_id'), ('app_public.audit_logs', 'user_id'))
select
  t.full_name as offender,
  'it has no policy tenant_isolation, or not the wall as it is written everywhere' as why,
  format('policies/%s/%s.sql: create policy tenant_isolation on %s as restrictive for all to app_user, freehold_worker '
    'using (tenant_id = (select app_hidden.current_tenant_id())) '
    'with check (tenant_id = (select app_hidden.current_tenant_id()));', t.schema, t.name, t.full_name) as mend
from app_private.tenant_tables t
where not t.is_partition and not exists (
  select
  from pg_policy p, wall w
  where p.polrelid = t.oid and p.polname = 'tenant_isolation' and not p.polpermissive and p.polcmd = '*'
    and array['app_user', 'freehold_worker']::regrole[]::oid[] <@ p.polroles
    and pg_get_expr(p.polqual, p.polrelid) = coalesce((
      select format('(%s OR ((tenant_id = ( SELECT app_hidden.platform_tenant_id() AS platform_tenant_id)) AND '
        '(%s = ( SELECT app_hidden.current_user_id() AS current_user_id))))', w.expression, s.person)
      from personal s where s.name = t.full_name), w.expression)
    and pg_get_expr(p.polwithcheck, p.polrelid) = w.expression)
