-- Raises FH403 FORBIDDEN. Writers without a rank are the platform's own.
-- Definer: it looks at what somebody else has in the tenant.
create or replace function app_private.tg_team_members__guard_role() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_mine app_public.member_role := app_hidden.current_member_role();
begin
  if v_mine is null then
    return NEW;
  end if;
  if v_mine < 'admin' then
    -- In the projects of the team the team's role is theirs.
    v_mine := coalesce((
      select least(t.role, app_hidden.current_scope_cap())
      from app_public.team_members t
      where t.tenant_id = NEW.tenant_id and t.team_id = NEW.team_id and t.user_id = app_hidden.current_user_id()
        and t.status = 'joined'), v_mine);
  end if;
  perform app_private.require_assignable(NEW.tenant_id, NEW.user_id, NEW.role, v_mine);
  return NEW;
end
$$;
comment on function app_private.tg_team_members__guard_role() is
  'Lets nobody give a rank in a team that neither they nor the other have, nor raise themselves.';
alter function app_private.tg_team_members__guard_role() owner to app_system;
