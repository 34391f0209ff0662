-- Raises FH422 REPOSITORY_NOT_ALLOWED or REF_NOT_VALID. A trigger and no check: the allow-list is a table, and a
-- project of before keeps what it has until somebody changes it.
create or replace function app_private.tg_projects__check_repository() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if (TG_OP = 'INSERT' or NEW.repository_url is distinct from OLD.repository_url)
    and not app_private.is_repository_allowed(NEW.repository_url)
  then
    perform app_hidden.raise_error(422, 'REPOSITORY_NOT_ALLOWED',
      'A repository is an https address without user and password, or one the platform allows');
  elsif (TG_OP = 'INSERT' or NEW.repository_branch is distinct from OLD.repository_branch)
    and not app_private.is_ref_valid(NEW.repository_branch)
  then
    perform app_hidden.raise_error(422, 'REF_NOT_VALID', 'That is not the name of a branch');
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_projects__check_repository() is
  'Refuses a repository that must not be cloned and a branch that git would not take.';
alter function app_private.tg_projects__check_repository() owner to app_system;
