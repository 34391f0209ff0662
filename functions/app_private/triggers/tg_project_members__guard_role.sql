-- Raises FH403 FORBIDDEN. Writers without a rank are the platform's own.
-- Definer: it looks at what somebody else has in the tenant.
create or replace function app_private.tg_project_members__guard_role() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_mine   app_public.member_role := app_hidden.project_rank(NEW.project_id);
  v_theirs app_public.member_role;
begin
  if v_mine is null then
    return NEW;
  end if;
  select m.role into v_theirs
  from app_public.tenant_members m
  where m.tenant_id = NEW.tenant_id and m.user_id = NEW.user_id and m.invitation_status = 'joined';

  if NEW.user_id is distinct from app_hidden.current_user_id() then
    if NEW.role > greatest(v_mine, v_theirs) then
      perform app_hidden.raise_error(403, 'FORBIDDEN', 'Nobody can give a rank above their own',
        jsonb_build_object('role', v_mine));
    end if;
  elsif NEW.role > v_mine then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Nobody can raise their own rank',
      jsonb_build_object('role', v_mine));
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_project_members__guard_role() is
  'Lets nobody give a rank in a project that neither they nor the other have, nor raise themselves.';
alter function app_private.tg_project_members__guard_role() owner to app_system;
