-- Raises FH403 FORBIDDEN.
create or replace function app_private.require_below(tenant_id uuid, user_id uuid) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if not app_hidden.has_role('owner') and exists (
    select from app_public.tenant_members m
    where m.tenant_id = require_below.tenant_id and m.user_id = require_below.user_id
      and m.invitation_status = 'joined' and m.role > app_hidden.current_member_role())
  then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Only an owner can change an owner', '{"required": "owner"}');
  end if;
end
$$;
comment on function app_private.require_below(uuid, uuid) is 'Refuses to touch a member of higher rank.';
alter function app_private.require_below(uuid, uuid) owner to app_system;
