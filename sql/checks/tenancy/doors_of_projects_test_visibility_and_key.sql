-- What belongs to a project is for who sees the project, and for no key that is narrowed to another.
-- Whoever comes as freehold_worker or app_system acts for the whole tenant.
with
  excused (door, test, reason) as (values
    ('app_public.api_keys.select_own_or_admin', 'visibility', 'who owns a key may end it, seeing its project or not'),
    ('app_public.api_keys.update_own_or_admin', 'visibility', 'the same'),
    ('app_public.projects.insert_member',       'visibility', 'what is being made is hidden from nobody'),
    ('audit.row_versions.select_admin',         'visibility', 'an admin sees all of them, deleted ones too'),
    ('audit.row_versions.select_subject',       'visibility', 'what is about a person is for that person')
  ),
  -- Tables of projects, by the column that says which.
  tables as (
    select t.*, a.attname as project
    from app_private.our_tables t
    join pg_attribute a on a.attrelid = t.oid and not a.attisdropped
      and a.attname = case t.full_name when 'app_public.projects' then 'id' else 'project_id' end
  ),
  doors as (
    select t.*, p.polname as door, e.part, e.expression
    from tables t
    join pg_policy p on p.polrelid = t.oid and p.polpermissive
    cross join lateral (values
      ('using',      pg_get_expr(p.polqual, p.polrelid)),
      ('with check', pg_get_expr(p.polwithcheck, p.polrelid))
    ) e (part, expression)
    where 'app_user'::regrole = any (p.polroles) and e.expression is not null
      -- A row that may not change its project is where it was.
      and (e.part = 'using' or p.polcmd = 'a' or has_column_privilege('app_user', t.oid, t.project, 'update'))
  ),
  claims as (
    select
      '(( SELECT app_hidden.current_project_id() AS current_project_id) IS NULL)' as not_narrowed,
      '(( SELECT app_hidden.current_api_key_id() AS current_api_key_id) IS NULL)' as no_key,
      '( SELECT app_hidden.current_project_id() AS current_project_id)' as project_id,
      '( SELECT app_hidden.hidden_project_ids() AS hidden_project_ids)' as hidden_ids
  ),
  tests as (
    select d.*, x.test, x.is_asked, x.sql
    from doors d
    cross join claims c
    cross join lateral (values
      ('visibility', position(format('(%I <> ALL (%s::uuid[]))', d.project, c.hidden_ids) in d.expression) > 0,
        format('%I <> all ((select app_hidden.hidden_project_ids())::uuid[])', d.project)),
      -- A door that no key comes through, or none that is narrowed, is narrower still.
      ('key', position(format('(%s OR (%I = %s))', c.not_narrowed, d.project, c.project_id) in d.expression) > 0
          or position(' AND ' || c.not_narrowed in d.expression) > 0
          or position(' AND ' || c.no_key in d.expression) > 0,
        format('((select app_hidden.current_project_id()) is null or %I = (select app_hidden.current_project_id()))',
          d.project))
    ) x (test, is_asked, sql)
  )
select
  t.full_name || '.' || t.door as offender,
  t.part || case t.test
    when 'visibility' then ' does not ask whether the project is hidden from who comes'
    else ' does not ask whether the key is narrowed to another project'
  end as why,
  format('policies/%s/%s.sql: %s … and %s in %s; or list it in '
    'sql/checks/tenancy/doors_of_projects_test_visibility_and_key.sql with the reason', t.schema, t.name, t.part, t.sql,
    t.door) as mend
from tests t
where not t.is_asked and (t.full_name || '.' || t.door, t.test) not in (select door, test from excused)
