-- Raises FH403 FORBIDDEN. Writers without a rank are the platform's own.
-- Definer: it looks at what somebody else has in the tenant.
create or replace function app_private.tg_project_members__guard_role() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_mine app_public.member_role := app_hidden.project_rank(NEW.project_id);
begin
  if v_mine is null then
    return NEW;
  end if;
  perform app_private.require_assignable(NEW.tenant_id, NEW.user_id, NEW.role, v_mine);
  return NEW;
end
$$;
comment on function app_private.tg_project_members__guard_role() is
  'Lets nobody give a rank in a project that neither they nor the other have, nor raise themselves.';
alter function app_private.tg_project_members__guard_role() owner to app_system;
