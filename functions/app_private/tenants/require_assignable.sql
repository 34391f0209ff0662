-- Raises FH403 FORBIDDEN.
create or replace function app_private.require_assignable(
  tenant_id uuid,
  user_id uuid,
  role app_public.member_role,
  own_rank app_public.member_role
) returns void
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_theirs app_public.member_role;
begin
  select m.role into v_theirs
  from app_public.tenant_members m
  where m.tenant_id = require_assignable.tenant_id and m.user_id = require_assignable.user_id
    and m.invitation_status = 'joined';

  if require_assignable.user_id is distinct from app_hidden.current_user_id() then
    if require_assignable.role > greatest(require_assignable.own_rank, v_theirs) then
      perform app_hidden.raise_error(403, 'FORBIDDEN', 'Nobody can give a rank above their own',
        jsonb_build_object('role', require_assignable.own_rank));
    end if;
  elsif require_assignable.role > require_assignable.own_rank then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Nobody can raise their own rank',
      jsonb_build_object('role', require_assignable.own_rank));
  end if;
end
$$;
comment on function app_private.require_assignable(uuid, uuid, app_public.member_role, app_public.member_role) is
  'Refuses a role in a project or team that neither the request, by its own rank there, nor the other has in the '
  'tenant, and to raise oneself.';
grant execute on function
  app_private.require_assignable(uuid, uuid, app_public.member_role, app_public.member_role) to app_system;
