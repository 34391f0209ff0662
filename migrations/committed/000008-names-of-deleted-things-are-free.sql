--! Previous: sha1:b70f30b3f5404ef3ad4c936b1d47f6562f163b4b
--! Hash: sha1:190f8bbee4b5b0ad23bc6bbdc8ea25b42a3e63c0
--! Message: names of deleted things are free

-- Names of deleted things are free by partial indexes.
-- Locks: share on users, tenants, teams, projects and project_environments while their indexes are built (writes wait, reads do not),
-- then access exclusive on them until the end, which is as long as the backfill takes.
-- Rows touched: deleted projects, environments and teams get back the names they had; each leaves a version in the ledger.
-- Safe while the old code runs: yes. What it calls by an old name goes with the sources that call it, when they are applied.

-- These tables are small, and a name must not be unguarded for a moment: one transaction, so not concurrently.
-- squawk-ignore-file require-concurrent-index-creation, require-concurrent-index-deletion
create unique index users_email_live_key on app_public.users (email) where deleted_at is null;
create unique index users_username_live_key on app_public.users (username) where deleted_at is null;
create unique index tenants_slug_live_key on app_public.tenants (slug) where deleted_at is null;
create unique index tenants_domain_live_key on app_public.tenants (domain) where deleted_at is null;
create unique index teams_name_live_key on app_public.teams (tenant_id, name) where deleted_at is null;
create unique index projects_slug_live_key on app_public.projects (tenant_id, slug) where deleted_at is null;
create unique index projects_owner_id_name_live_key on app_public.projects (tenant_id, owner_id, name) where deleted_at is null;
create unique index project_environments_project_id_name_live_key on app_public.project_environments (tenant_id, project_id, name)
  where deleted_at is null;

-- They take the place and the names of the constraints, by which errors are told apart.
alter table app_public.users
  drop constraint if exists users_email_key,
  drop constraint if exists users_username_key;
alter table app_public.tenants
  drop constraint if exists tenants_slug_key,
  drop constraint if exists tenants_domain_key;
alter table app_public.teams drop constraint if exists teams_name_key;
alter table app_public.projects
  drop constraint if exists projects_slug_key,
  drop constraint if exists projects_owner_id_name_key;
alter table app_public.project_environments drop constraint if exists project_environments_project_id_name_key;
drop index if exists
  app_public.users_email_key, app_public.users_username_key, app_public.tenants_slug_key, app_public.tenants_domain_key,
  app_public.teams_name_key, app_public.projects_slug_key, app_public.projects_owner_id_name_key,
  app_public.project_environments_project_id_name_key;
alter index app_public.users_email_live_key rename to users_email_key;
alter index app_public.users_username_live_key rename to users_username_key;
alter index app_public.tenants_slug_live_key rename to tenants_slug_key;
alter index app_public.tenants_domain_live_key rename to tenants_domain_key;
alter index app_public.teams_name_live_key rename to teams_name_key;
alter index app_public.projects_slug_live_key rename to projects_slug_key;
alter index app_public.projects_owner_id_name_live_key rename to projects_owner_id_name_key;
alter index app_public.project_environments_project_id_name_live_key rename to project_environments_project_id_name_key;

comment on column app_public.users.email is 'Address used to log in; unique among accounts that are not closed.';
comment on column app_public.users.username is 'Handle; unique among accounts that are not closed, derived from the address when not chosen.';
comment on column app_public.tenants.slug is 'Short name for URLs and the X-Tenant header; unique among tenants that are not closed.';
comment on column app_public.tenants.domain is 'Host name of the organisation; unique among tenants that are not closed, null when not told.';
comment on column app_public.teams.name is 'Name, unique among the teams of the tenant that stand, at most 100 characters.';
comment on column app_public.projects.name is 'Name, unique among the projects of its owner that are not deleted.';
comment on column app_public.projects.slug is 'Short name for URLs, unique among the projects of the tenant that are not deleted.';
comment on column app_public.project_environments.name is
  'Name, unique among the environments of the project that are not deleted; lower-case letters, digits and dashes.';

-- Until now the end of its id was hung on the name of what was deleted. What it was called is in the ledger; of what was deleted
-- before there was one, the name is what is left without that end. A database that is being built has no rows and no grants yet.
do $$
begin
  if to_regclass('app_private.applied_sources') is null then
    return;
  end if;
  set local role app_system;
  set local row_security = on;
  update app_public.projects p
  set slug = coalesce(o.diff ->> 'slug', left(p.slug, -13)), name = coalesce(o.diff ->> 'name', left(p.name, -13))
  from app_public.projects d
  left join lateral (
    select v.diff
    from audit.row_versions v
    where v.tenant_id = d.tenant_id and v.table_name = 'projects' and v.row_id = d.id and v.diff ? 'deleted_at' and v.diff ? 'slug'
    order by v.id desc
    limit 1) o on true
  where p.tenant_id = d.tenant_id and p.id = d.id and d.deleted_at is not null
    and right(d.slug, 13) = '-' || right(d.id::text, 12) and right(d.name, 13) = ' ' || right(d.id::text, 12);
  update app_public.project_environments e
  set name = coalesce(o.diff ->> 'name', left(e.name, -13))
  from app_public.project_environments d
  left join lateral (
    select v.diff
    from audit.row_versions v
    where v.tenant_id = d.tenant_id and v.table_name = 'project_environments' and v.row_id = d.id
      and v.diff ? 'deleted_at' and v.diff ? 'name'
    order by v.id desc
    limit 1) o on true
  where e.tenant_id = d.tenant_id and e.id = d.id and d.deleted_at is not null
    and right(d.name, 13) = '-' || right(d.id::text, 12);
  update app_public.teams t
  set name = coalesce(o.diff ->> 'name', left(t.name, -13))
  from app_public.teams d
  left join lateral (
    select v.diff
    from audit.row_versions v
    where v.tenant_id = d.tenant_id and v.table_name = 'teams' and v.row_id = d.id and v.diff ? 'deleted_at' and v.diff ? 'name'
    order by v.id desc
    limit 1) o on true
  where t.tenant_id = d.tenant_id and t.id = d.id and d.deleted_at is not null
    and right(d.name, 13) = ' ' || right(d.id::text, 12);
  set local row_security = off;
  set local role freehold_owner;
  -- Made by apply, outside migrations.
  comment on table app_private.applied_sources is
    'Record of repeatable sources: which text of each file this database runs. Kept by apply, outside migrations.';
end
$$;

comment on column app_private.user_secrets.two_factor_secret is 'TOTP seed, encrypted by app_private.encrypt_secret; null when two-factor was never set up.';
comment on column app_private.emails.token is 'Encrypted one-time token; emptied when the mail is sent.';
comment on table app_private.webhook_source_secrets is 'Encrypted signing secrets of webhook sources; two at once while one is rotated.';
