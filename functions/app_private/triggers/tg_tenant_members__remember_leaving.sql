-- Definer: it reads the name of somebody whom the tenant is about to see no more.
create or replace function app_private.tg_tenant_members__remember_leaving() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if NEW.invitation_status = 'joined' then
    NEW.left_at := null;
    NEW.name_at_leaving := null;
    NEW.username_at_leaving := null;
  elsif OLD.invitation_status = 'joined' then
    NEW.left_at := now();
    select u.name, u.username into NEW.name_at_leaving, NEW.username_at_leaving
    from app_public.users u
    where u.id = NEW.user_id;
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_tenant_members__remember_leaving() is
  'Keeps what a member was called when they left, and forgets it when they come back.';
alter function app_private.tg_tenant_members__remember_leaving() owner to app_system;
