-- Raises FH409 LAST_OWNER.
create or replace function app_private.tg_tenant_members__keep_owner() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  -- A closed tenant needs none. The lock puts two owners who leave at once in a row, the second sees that the first
  -- is gone.
  perform from app_public.tenants t where t.id = OLD.tenant_id and t.deleted_at is null for no key update;
  if found and not exists (
    select from app_public.tenant_members m
    where m.tenant_id = OLD.tenant_id and m.role = 'owner' and m.invitation_status = 'joined')
  then
    perform app_hidden.raise_error(409, 'LAST_OWNER', 'The last owner can not leave; transfer ownership first');
  end if;
  -- The tenant answers through someone who still may.
  update app_public.tenants t
  set owner_id = (
    select m.user_id
    from app_public.tenant_members m
    where m.tenant_id = OLD.tenant_id and m.role = 'owner' and m.invitation_status = 'joined'
    order by m.joined_at, m.id
    limit 1)
  where t.id = OLD.tenant_id and t.owner_id = OLD.user_id
    and not exists (
      select from app_public.tenant_members m
      where m.tenant_id = OLD.tenant_id and m.user_id = OLD.user_id
        and m.role = 'owner' and m.invitation_status = 'joined');
  return null;
end
$$;
comment on function app_private.tg_tenant_members__keep_owner() is
  'Keeps at least one owner in every tenant, and tenants.owner_id one of them.';
alter function app_private.tg_tenant_members__keep_owner() owner to app_system;
