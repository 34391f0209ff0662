-- Raises FH422 DEPLOYMENT_BEGINS_PENDING.
create or replace function app_private.tg_deployments__begin() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if NEW.status not in ('pending', 'queued') or NEW.is_current then
    perform app_hidden.raise_error(422, 'DEPLOYMENT_BEGINS_PENDING', 'A deployment begins pending or queued');
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_deployments__begin() is 'Lets a deployment begin at the beginning only.';
alter function app_private.tg_deployments__begin() owner to app_system;
