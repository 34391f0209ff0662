-- A role of the project or its team raises or lowers the rank of the tenant there (find_project_ranks).
with
  excused (door, reason) as (values
    ('app_public.api_keys.select_own_or_admin', 'keys are the tenant''s'),
    ('app_public.api_keys.update_own_or_admin', 'the same'),
    ('app_public.audit_logs.select_admin',      'what was done in the tenant is for its admins'),
    ('app_public.events.select_visible',        'asks the rank only for events of no project'),
    ('app_public.projects.insert_member',       'what is being made has no roles yet'),
    ('audit.row_versions.select_admin',         'the whole history is for admins of the tenant')
  ),
  doors as (
    select p.polrelid::regclass::text || '.' || p.polname as door, t.schema, t.name, p.polname, e.part,
      -- What asks for the project is taken away; a test of the tenant alone is left.
      regexp_replace(e.expression,
        '\( SELECT app_hidden\.has_role\((''[a-z]+''::app_public\.member_role)\) AS has_role\) <> '
        '\((?:project_id|id) = ANY \(\( SELECT app_hidden\.project_ids_apart\(\1\) AS project_ids_apart\)',
        '', 'g') as expression
    from app_private.our_tables t
    join pg_attribute a on a.attrelid = t.oid and not a.attisdropped
      and a.attname = case t.full_name when 'app_public.projects' then 'id' else 'project_id' end
    join pg_policy p on p.polrelid = t.oid and p.polpermissive
    cross join lateral (values
      ('using',      pg_get_expr(p.polqual, p.polrelid)),
      ('with check', pg_get_expr(p.polwithcheck, p.polrelid))
    ) e (part, expression)
    where 'app_user'::regrole = any (p.polroles) and e.expression is not null
  )
select
  d.door as offender,
  d.part || ' asks for a rank in the tenant, and not in the project' as why,
  format('policies/%s/%s.sql: ((select app_hidden.has_role(…)) <> (project_id = any ((select '
    'app_hidden.project_ids_apart(…))::uuid[]))) in %s; or list it in '
    'sql/checks/tenancy/doors_of_projects_ask_the_rank_in_the_project.sql with the reason',
    d.schema, d.name, d.polname) as mend
from doors d
where (d.expression like '%has_role(%'
    or (d.expression like '%<= ( SELECT app_hidden.current_member_role(%' and d.expression not like '%project_ranks(%'))
  and d.door not in (select door from excused)
