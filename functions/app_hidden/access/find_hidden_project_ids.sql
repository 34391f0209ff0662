-- The hidden ones and not the visible: they are few where the others are many.
-- Definer: it must look behind the very policies that ask for them.
create or replace function app_hidden.find_hidden_project_ids() returns uuid[]
  language sql stable parallel safe security definer
  set search_path to pg_catalog, pg_temp
as $$
  select array(
    select p.id
    from app_public.projects p
    where p.tenant_id = app_hidden.current_tenant_id() and p.deleted_at is not null
    union all
    select p.id
    from app_public.projects p
    where p.tenant_id = app_hidden.current_tenant_id()
      and not app_hidden.has_role('admin')
      and p.visibility <> 'public'
      and p.owner_id is distinct from app_hidden.current_user_id()
      and not exists (
        select from app_public.project_members m
        where m.tenant_id = p.tenant_id and m.user_id = app_hidden.current_user_id() and m.project_id = p.id)
      and not (p.visibility = 'team' and case
        when p.team_id is null then app_hidden.has_role('viewer')
        else exists (
          select from app_public.team_members t
          where t.tenant_id = p.tenant_id and t.team_id = p.team_id
            and t.user_id = app_hidden.current_user_id() and t.status = 'joined')
        end))
$$;
comment on function app_hidden.find_hidden_project_ids() is
  'Projects of the tenant that are deleted or that the person of the request may not see.';
alter function app_hidden.find_hidden_project_ids() owner to app_system;
grant execute on function app_hidden.find_hidden_project_ids() to app_user;
