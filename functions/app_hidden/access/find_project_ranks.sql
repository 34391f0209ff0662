-- Who ranks how inside a project is said here and nowhere else:
-- the role the project gives a person counts; where it gives none, the role they have in its team; where they have
-- none there either, their rank in the tenant. Owners and admins of the tenant keep theirs, and a key never ranks
-- above its scopes.
-- The exceptions and not the whole: they are few where projects are many.
-- Definer: it must look behind the policies that ask for it.
create or replace function app_hidden.find_project_ranks() returns jsonb
  language sql stable parallel safe security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(r.project_id, r.rank), '{}')
  from (
    select g.project_id, least(g.role, app_hidden.current_scope_cap()) as rank
    from app_public.tenant_members m
    cross join lateral (
      select o.project_id, o.role
      from app_public.project_members o
      where o.tenant_id = m.tenant_id and o.user_id = m.user_id
      union all
      select p.id, t.role
      from app_public.team_members t
      join app_public.projects p on p.tenant_id = t.tenant_id and p.team_id = t.team_id
      where t.tenant_id = m.tenant_id and t.user_id = m.user_id and t.status = 'joined'
        and not exists (
          select from app_public.project_members o
          where o.tenant_id = m.tenant_id and o.user_id = m.user_id and o.project_id = p.id)) g
    where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = app_hidden.current_user_id()
      and m.invitation_status = 'joined' and m.role < 'admin') r
  where r.rank is distinct from app_hidden.current_member_role()
$$;
comment on function app_hidden.find_project_ranks() is
  'Rank of the request in each project where it is not that of the tenant: {"<project id>": "<rank>"}.';
alter function app_hidden.find_project_ranks() owner to app_system;
grant execute on function app_hidden.find_project_ranks() to app_user;
