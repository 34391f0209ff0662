-- Raises FH422 DEPLOYMENT_BEGINS_PENDING, REPOSITORY_NOT_ALLOWED or REF_NOT_VALID.
create or replace function app_private.tg_deployments__begin() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if NEW.status not in ('pending', 'queued') or NEW.is_current then
    perform app_hidden.raise_error(422, 'DEPLOYMENT_BEGINS_PENDING', 'A deployment begins pending or queued');
  elsif not app_private.is_repository_allowed(NEW.repo_url) then
    perform app_hidden.raise_error(422, 'REPOSITORY_NOT_ALLOWED',
      'A repository is an https address without user and password, or one the platform allows');
  elsif not app_private.is_ref_valid(NEW.ref) then
    perform app_hidden.raise_error(422, 'REF_NOT_VALID', 'That is not the name of a git ref');
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_deployments__begin() is
  'Lets a deployment begin at the beginning only, of a ref and a repository that a runner may be told.';
alter function app_private.tg_deployments__begin() owner to app_system;
