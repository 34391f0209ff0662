--! Previous: sha1:be65316eb8bb5194e035465397b39deb0bdf8652
--! Hash: sha1:d120b40f3604e2a5109a1a157be1e83a1b82caca
--! Message: leases with a token

-- Leases with a token, what a rollback goes back to, how an environment treats its queue, which repositories are allowed, and
-- one webhook a body.
-- Locks: access exclusive on the tables that gain a column, for a moment; share row exclusive on deployments for
--   the foreign key; share on deployments and webhook_events while their indexes are built: writes wait as long as reading once takes.
-- Rows touched: webhook_events whose payload is too deep to be shown, whose payload becomes {}; the bytes stay.
-- Safe while the old code runs: yes. Leases that are held have no token: nobody can prolong them, so they end when they expire,
--   and their deployments go back to the queue. An environment builds one at a time from here on, unless its max_builds says otherwise.

create table if not exists app_private.deployment_leases (
  tenant_id     uuid        not null,
  deployment_id uuid        not null,
  token_hash    bytea       not null,
  claimed_at    timestamptz not null default now(),
  constraint deployment_leases_pkey primary key (tenant_id, deployment_id),
  constraint deployment_leases_deployment_id_fkey foreign key (tenant_id, deployment_id)
    references app_public.deployments (tenant_id, id) on delete cascade
);
comment on table app_private.deployment_leases is
  'SHA-256 of the token of the last lease of each deployment. Whether it is held now, deployments.runner says; it stays for a day afterwards, so that a runner that did not hear the answer to its last move may ask again.';
-- For the sweep.
create index if not exists deployment_leases_claimed_at_idx on app_private.deployment_leases (claimed_at);
alter table app_private.deployment_leases enable row level security, force row level security;

create table if not exists app_private.allowed_repositories (
  prefix     text        not null,
  note       text,
  created_at timestamptz not null default now(),
  constraint allowed_repositories_pkey primary key (prefix),
  constraint allowed_repositories_prefix_check check (
    length(prefix) <= 255
    and prefix ~ '^((https?|ssh|git)://([A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:)([A-Za-z0-9._~-]+/)*$')
);
comment on table app_private.allowed_repositories is
  'Beginnings of repository addresses that are taken besides https, such as git@git.example.com: or http://git.internal/. Written by whoever runs the platform.';
alter table app_private.allowed_repositories enable row level security, force row level security;

create type app_public.claimed_deployment as (
  deployment_id    uuid,
  lease_token      text,
  lease_expires_at timestamptz
);
comment on type app_public.claimed_deployment is 'A lease on a deployment.';
comment on column app_public.claimed_deployment.deployment_id is 'The deployment.';
comment on column app_public.claimed_deployment.lease_token is 'Proof that the lease is yours; shown this once. Whoever has it moves the deployment, keeps the lease and writes its log.';
comment on column app_public.claimed_deployment.lease_expires_at is 'Until when the lease is yours, unless you send a heartbeat.';

alter table app_public.project_environments
  add column if not exists max_builds integer not null default 1,
  add column if not exists supersedes_waiting boolean not null default true;
alter table app_public.project_environments
  drop constraint if exists project_environments_max_builds_check,
  -- squawk-ignore constraint-missing-not-valid
  add constraint project_environments_max_builds_check check (max_builds between 1 and 100);
comment on column app_public.project_environments.max_builds is 'How many of its deployments runners hold at once, 1 to 100.';
comment on column app_public.project_environments.supersedes_waiting is
  'Whether a deployment that waits is given up when a newer one is requested; a rollback never is.';

alter table app_public.deployments add column if not exists source_deployment_id uuid;
comment on column app_public.deployments.source_deployment_id is
  'Deployment that a rollback brings back, never a rollback itself; null when it is no rollback, and for rollbacks of before this was kept.';
alter table app_public.deployments drop constraint if exists deployments_source_deployment_id_fkey;
-- The check of a foreign key asks the policies, and the column is new: there is nothing for it to see.
set local row_security = on;
alter table app_public.deployments
  -- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
  add constraint deployments_source_deployment_id_fkey foreign key (tenant_id, source_deployment_id)
    references app_public.deployments (tenant_id, id) on delete set null (source_deployment_id);
set local row_security = off;
-- squawk-ignore require-concurrent-index-creation
create index if not exists deployments_source_deployment_id_idx on app_public.deployments (tenant_id, source_deployment_id)
  where source_deployment_id is not null;
-- squawk-ignore require-concurrent-index-creation
create index if not exists deployments_active_idx on app_public.deployments (tenant_id, environment_id, id)
  where status in ('pending', 'queued', 'building', 'deploying');                                             -- claim_deployment

alter table app_public.webhook_events add column if not exists body_hash bytea;
comment on column app_public.webhook_events.body_hash is
  'SHA-256 of the bytes that were signed, by which a replay under another delivery id is recognised, for good; null for what came before it was kept.';
-- squawk-ignore require-concurrent-index-creation
create unique index if not exists webhook_events_body_hash_key
  on app_public.webhook_events (tenant_id, webhook_source_id, body_hash) where body_hash is not null;

-- What lies more than 200 levels down breaks whoever writes the document out again; receive_webhook refuses it from here on.
-- A database built from empty has no rows, and no grants yet.
do $$
begin
  if has_table_privilege('app_system', 'app_public.webhook_events', 'select, update') then
    set local row_security = on;
    set local role app_system;
    update app_public.webhook_events e set payload = '{}' where jsonb_path_exists(e.payload, '$.**{201}');
    reset role;
    set local row_security = off;
  end if;
end
$$;
