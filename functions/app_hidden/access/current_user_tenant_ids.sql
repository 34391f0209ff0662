-- Definer: it must look behind the policies that call it.
create or replace function app_hidden.current_user_tenant_ids() returns uuid[]
  language sql stable parallel safe security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.tenant_id), '{}')
  from app_public.tenant_members m
  where m.user_id = app_hidden.current_user_id()
    and m.invitation_status = 'joined'
    -- An API key belongs to one tenant and does not see the others of its owner.
    and (app_hidden.current_api_key_id() is null or m.tenant_id = app_hidden.current_tenant_id())
$$;
comment on function app_hidden.current_user_tenant_ids() is 'Tenants that the person of the request has joined.';
alter function app_hidden.current_user_tenant_ids() owner to app_system;
grant execute on function app_hidden.current_user_tenant_ids() to app_user;
