-- Raises FH401 UNAUTHENTICATED, FH403 FORBIDDEN or REAUTHENTICATION_REQUIRED.
create or replace function app_private.require_below(tenant_id uuid, user_id uuid) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_public.tenant_members m
    where m.tenant_id = require_below.tenant_id and m.user_id = require_below.user_id
      and m.invitation_status = 'joined' and m.role = 'owner')
  then
    if not app_hidden.has_role('owner') then
      perform app_hidden.raise_error(403, 'FORBIDDEN', 'Only an owner can change an owner', '{"required": "owner"}');
    end if;
    perform app_private.require_recent_authentication();
  end if;
end
$$;
comment on function app_private.require_below(uuid, uuid) is
  'Refuses to touch an owner, but to an owner who proved lately who they are.';
alter function app_private.require_below(uuid, uuid) owner to app_system;
