--! Previous: sha1:808d1e2e9f536bbe33c41aff80be67dbaa73f028
--! Hash: sha1:ade43d92647a80e87ca1b207c45618e630ddf1ad
--! Message: deployments

-- Events (the outbox), deployments, their history and their log lines.
-- Lock: none that matters, everything is new. Rows touched: none. Safe while old code runs: yes.

create table app_public.event_types (
  name        text not null,
  description text not null,
  constraint event_types_pkey primary key (name),
  constraint event_types_name_check check (name ~ '^[a-z_]+([.][a-z_]+)+$')
);
comment on table app_public.event_types is 'The kinds of event there are, by hierarchical name.';
comment on column app_public.event_types.name is 'Name, such as deployment.succeeded.';
comment on column app_public.event_types.description is 'What happened when an event of this type is seen.';
alter table app_public.event_types enable row level security, force row level security;

create table app_public.events (
  tenant_id       uuid        not null,
  created_at      timestamptz not null default now(),
  id              uuid        not null default uuidv7(),
  type            text        not null,
  subject_type    text        not null,
  subject_id      uuid        not null,
  project_id      uuid,
  data            jsonb       not null default '{}',
  actor_type      app_public.actor_type not null default 'system',
  actor_user_id   uuid,
  actor_api_key_id uuid,
  request_id      text,
  constraint events_pkey primary key (tenant_id, created_at, id),
  constraint events_type_fkey foreign key (type) references app_public.event_types (name) on delete restrict
) partition by range (created_at);
comment on table app_public.events is 'What happened, in order of time; append-only. Source of webhooks, notifications and live updates. Keeps ids, not references: it outlives its subjects.';
comment on column app_public.events.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.events.created_at is 'When it happened.';
comment on column app_public.events.id is 'Identifier, a version 7 UUID.';
comment on column app_public.events.type is 'What happened, such as deployment.succeeded.';
comment on column app_public.events.subject_type is 'Kind of thing it happened to, such as deployment.';
comment on column app_public.events.subject_id is 'The thing it happened to.';
comment on column app_public.events.project_id is 'Project of that thing; null when it has none. Who can not see the project does not see the event.';
comment on column app_public.events.data is 'Facts about it, a JSON object; never a secret.';
comment on column app_public.events.actor_type is 'Kind of actor.';
comment on column app_public.events.actor_user_id is 'Person who did it, or whose key did; null when nobody.';
comment on column app_public.events.actor_api_key_id is 'API key that did it; null when none.';
comment on column app_public.events.request_id is 'Request in which it was done; null outside of requests.';
alter table app_public.events enable row level security, force row level security;
create index events_subject_id_idx on app_public.events (tenant_id, subject_id, created_at desc);
create index events_project_id_idx on app_public.events (tenant_id, project_id, created_at desc);
create index events_type_idx on app_public.events (type, created_at desc);

-- Pointers to events that were not yet dispatched. A row goes in with its event and out with the jobs it caused, so
-- a crash on either side loses nothing and repeats nothing.
create table app_private.undispatched_events (
  tenant_id  uuid        not null,
  created_at timestamptz not null,
  event_id   uuid        not null,
  constraint undispatched_events_pkey primary key (tenant_id, created_at, event_id)
);
comment on table app_private.undispatched_events is 'Events that the dispatcher has still to turn into jobs and live updates.';
alter table app_private.undispatched_events enable row level security, force row level security;

create type app_public.deployment_status as enum (
  'pending', 'queued', 'building', 'deploying', 'ready', 'running', 'completed',
  'failed', 'stopped', 'rolled_back', 'canceled', 'superseded');
comment on type app_public.deployment_status is
  'pending waits (perhaps for approval), queued waits for a runner, building and deploying are in progress, ready and running serve, completed ended well; failed, stopped, rolled_back, canceled and superseded are over.';

create type app_public.approval_state as enum ('not_required', 'pending', 'approved', 'rejected');
comment on type app_public.approval_state is 'Whether a deployment may be claimed where the environment asks for approval.';

create type app_public.log_level as enum ('debug', 'info', 'warn', 'error', 'fatal');
comment on type app_public.log_level is 'Severity of a log line.';
create type app_public.log_source as enum ('build', 'deploy', 'runtime', 'system');
comment on type app_public.log_source is 'Phase that wrote a log line.';

create table app_public.deployments (
  tenant_id              uuid        not null,
  id                     uuid        not null default uuidv7(),
  project_id             uuid,
  service_id             uuid,
  environment_id         uuid        not null,
  environment            app_public.environment_type not null,
  status                 app_public.deployment_status not null default 'pending',
  status_reason          text,
  approval_state         app_public.approval_state not null default 'not_required',
  version                text,
  commit_sha             text,
  commit_hash            text        generated always as (commit_sha) virtual,
  github_commit_sha      text        generated always as (commit_sha) virtual,
  ref                    text,
  branch                 text        generated always as (case when ref like 'refs/heads/%' then substr(ref, 12) end) virtual,
  repo_url               text,
  deployment_url         text,
  provider               text,
  external_id            text,
  vercel_deployment_id   text        generated always as (case when provider = 'vercel' then external_id end) virtual,
  nomad_job_id           text        generated always as (case when provider = 'nomad' then external_id end) virtual,
  container_id           text        generated always as (case when provider = 'docker' then external_id end) virtual,
  container_port         integer,
  config_snapshot        jsonb       not null default '{}',
  config                 jsonb       generated always as (config_snapshot) virtual,
  metrics                jsonb       not null default '{}',
  error_message          text,
  error_msg              text        generated always as (error_message) virtual,
  deployed_by            uuid,
  triggered_by           uuid        generated always as (deployed_by) virtual,
  triggered_by_type      app_public.actor_type not null default 'user',
  canceled_by            uuid,
  restart_count          integer     not null default 0,
  runner                 text,
  lease_expires_at       timestamptz,
  heartbeat_at           timestamptz,
  previous_deployment_id uuid,
  rollback_of_id         uuid,
  rollback_id            uuid        generated always as (rollback_of_id) virtual,
  is_rollback            boolean     generated always as (rollback_of_id is not null) virtual,
  promoted_from_id       uuid,
  promoted_at            timestamptz,
  is_current             boolean     not null default false,
  is_locked              boolean     not null default false,
  locked                 boolean     generated always as (is_locked) virtual,
  build_started_at       timestamptz,
  build_finished_at      timestamptz,
  build_duration_ms      bigint      generated always as (
    (extract(epoch from build_finished_at - build_started_at) * 1000)::bigint) virtual,
  build_logs_url         text,
  started_at             timestamptz,
  completed_at           timestamptz,
  finished_at            timestamptz generated always as (completed_at) virtual,
  request_id             text,
  idempotency_key        text,
  created_at             timestamptz not null default now(),
  updated_at             timestamptz not null default now(),
  constraint deployments_pkey primary key (tenant_id, id),
  constraint deployments_project_id_id_key unique (tenant_id, project_id, id),
  constraint deployments_external_id_key unique (tenant_id, provider, external_id),
  constraint deployments_idempotency_key_key unique (tenant_id, idempotency_key),
  constraint deployments_project_id_fkey foreign key (tenant_id, project_id)
    references app_public.projects (tenant_id, id) on delete cascade,
  constraint deployments_environment_id_fkey foreign key (tenant_id, project_id, environment_id)
    references app_public.project_environments (tenant_id, project_id, id) on delete cascade,
  constraint deployments_previous_deployment_id_fkey foreign key (tenant_id, previous_deployment_id)
    references app_public.deployments (tenant_id, id) on delete set null (previous_deployment_id),
  constraint deployments_rollback_of_id_fkey foreign key (tenant_id, rollback_of_id)
    references app_public.deployments (tenant_id, id) on delete set null (rollback_of_id),
  constraint deployments_promoted_from_id_fkey foreign key (tenant_id, promoted_from_id)
    references app_public.deployments (tenant_id, id) on delete set null (promoted_from_id),
  constraint deployments_deployed_by_fkey foreign key (deployed_by) references app_public.users (id) on delete set null,
  constraint deployments_canceled_by_fkey foreign key (canceled_by) references app_public.users (id) on delete set null,
  constraint deployments_subject_check check (num_nonnulls(project_id, service_id) >= 1),
  constraint deployments_commit_sha_check check (commit_sha ~ '^[0-9a-f]{7,64}$'),
  constraint deployments_version_check check (length(version) <= 100),
  constraint deployments_ref_check check (length(ref) between 1 and 500),
  constraint deployments_repo_url_check check (length(repo_url) <= 500),
  constraint deployments_deployment_url_check check (length(deployment_url) <= 500 and deployment_url ~ '^https?://'),
  constraint deployments_build_logs_url_check check (length(build_logs_url) <= 500 and build_logs_url ~ '^https?://'),
  constraint deployments_container_port_check check (container_port between 1 and 65535),
  constraint deployments_external_id_check check ((external_id is null) or (provider is not null)),
  constraint deployments_config_snapshot_check check (jsonb_typeof(config_snapshot) = 'object'),
  constraint deployments_metrics_check check (jsonb_typeof(metrics) = 'object'),
  constraint deployments_restart_count_check check (restart_count >= 0),
  constraint deployments_is_current_check check (not is_current or status in ('ready', 'running')),
  constraint deployments_lease_check check ((lease_expires_at is null) = (runner is null))
);
comment on table app_public.deployments is
  'One attempt to bring a commit to an environment. Made by request_deployment, rollback_deployment and promote_deployment; moved by transition_deployment.';
comment on column app_public.deployments.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.deployments.id is 'Identifier, a version 7 UUID; sorts by time of request.';
comment on column app_public.deployments.project_id is 'Project that is deployed; null for a deployment of a service.';
comment on column app_public.deployments.service_id is 'Service that is deployed; null for a deployment of a project.';
comment on column app_public.deployments.environment_id is 'Environment it goes to.';
comment on column app_public.deployments.environment is 'What that environment was for when the deployment was requested.';
comment on column app_public.deployments.status is 'Where it stands; moves only along the transitions of the state machine.';
comment on column app_public.deployments.status_reason is 'Why it is in this status; null when nobody said.';
comment on column app_public.deployments.approval_state is 'Whether it may be claimed where the environment asks for approval.';
comment on column app_public.deployments.version is 'Version in the words of the project; null when not told.';
comment on column app_public.deployments.commit_sha is 'Git commit that is built; at least seven hex digits, null when not built from git.';
comment on column app_public.deployments.commit_hash is 'The same as commitSha.';
comment on column app_public.deployments.github_commit_sha is 'The same as commitSha.';
comment on column app_public.deployments.ref is 'Git ref it was requested for, such as refs/heads/main; null when not told.';
comment on column app_public.deployments.branch is 'Branch of the ref; null when the ref is no branch.';
comment on column app_public.deployments.repo_url is 'Repository it is built from; null when not known.';
comment on column app_public.deployments.deployment_url is 'Where it can be reached; null until told.';
comment on column app_public.deployments.provider is 'Host that runs it, such as vercel, nomad or docker; null when not told.';
comment on column app_public.deployments.external_id is 'Its identifier at the provider; null until told.';
comment on column app_public.deployments.vercel_deployment_id is 'externalId when the provider is vercel.';
comment on column app_public.deployments.nomad_job_id is 'externalId when the provider is nomad.';
comment on column app_public.deployments.container_id is 'externalId when the provider is docker.';
comment on column app_public.deployments.container_port is 'Port it listens on; null when not told.';
comment on column app_public.deployments.config_snapshot is 'Configuration it was requested with, a JSON object; frozen.';
comment on column app_public.deployments.config is 'The same as configSnapshot.';
comment on column app_public.deployments.metrics is 'Latest measurements, a JSON object.';
comment on column app_public.deployments.error_message is 'What went wrong; null unless it failed.';
comment on column app_public.deployments.error_msg is 'The same as errorMessage.';
comment on column app_public.deployments.deployed_by is 'Person who asked for it; null when a webhook did.';
comment on column app_public.deployments.triggered_by is 'The same as deployedBy.';
comment on column app_public.deployments.triggered_by_type is 'Kind of actor that asked for it.';
comment on column app_public.deployments.canceled_by is 'Person who canceled it; null unless it was.';
comment on column app_public.deployments.restart_count is 'How often it went back to the queue because its runner was lost.';
comment on column app_public.deployments.runner is 'Runner that holds it; null when none does.';
comment on column app_public.deployments.lease_expires_at is 'Until when the runner holds it unless it sends a heartbeat; null when none does.';
comment on column app_public.deployments.heartbeat_at is 'When its runner last gave a sign of life; null before the first.';
comment on column app_public.deployments.previous_deployment_id is 'Deployment that was current in the environment when this one was requested; null for the first.';
comment on column app_public.deployments.rollback_of_id is 'Deployment that this one takes back; null when it is no rollback.';
comment on column app_public.deployments.rollback_id is 'The same as rollbackOfId.';
comment on column app_public.deployments.is_rollback is 'Whether it takes another deployment back.';
comment on column app_public.deployments.promoted_from_id is 'Deployment of another environment that it repeats; null when it is no promotion.';
comment on column app_public.deployments.promoted_at is 'When it became the current one of its environment; null when it never was.';
comment on column app_public.deployments.is_current is 'Whether it is the one that serves its environment; at most one per environment is.';
comment on column app_public.deployments.is_locked is 'Whether it stays current although newer deployments succeed.';
comment on column app_public.deployments.locked is 'The same as isLocked.';
comment on column app_public.deployments.build_started_at is 'When building began; null before.';
comment on column app_public.deployments.build_finished_at is 'When building ended; null before.';
comment on column app_public.deployments.build_duration_ms is 'How long building took, in milliseconds; null before it ended.';
comment on column app_public.deployments.build_logs_url is 'Where the host keeps its build log; null when not told.';
comment on column app_public.deployments.started_at is 'When work began; null before.';
comment on column app_public.deployments.completed_at is 'When it first served or was over; null before.';
comment on column app_public.deployments.finished_at is 'The same as completedAt.';
comment on column app_public.deployments.request_id is 'Request that asked for it; null outside of requests.';
comment on column app_public.deployments.idempotency_key is 'Key the client chose for its request; null when it chose none.';
comment on column app_public.deployments.created_at is 'When it was requested.';
comment on column app_public.deployments.updated_at is 'When the row last changed.';
alter table app_public.deployments enable row level security, force row level security;
create unique index deployments_is_current_key on app_public.deployments (tenant_id, project_id, environment_id) where is_current;
create index deployments_latest_idx on app_public.deployments (tenant_id, project_id, id desc);                       -- deployments of a project, newest first
create index deployments_created_at_idx on app_public.deployments (tenant_id, project_id, created_at desc, id);
create index deployments_environment_id_idx on app_public.deployments (tenant_id, project_id, environment_id, created_at desc);
create index deployments_environment_idx on app_public.deployments (tenant_id, project_id, environment, created_at desc);
create index deployments_status_idx on app_public.deployments (tenant_id, status, id desc);
create index deployments_waiting_idx on app_public.deployments (tenant_id, id) where status in ('pending', 'queued');   -- claim_deployment
create index deployments_lease_expires_at_idx on app_public.deployments (lease_expires_at) where lease_expires_at is not null; -- requeue
create index deployments_deployed_by_idx on app_public.deployments (deployed_by);
create index deployments_canceled_by_idx on app_public.deployments (canceled_by) where canceled_by is not null;
create index deployments_previous_deployment_id_idx on app_public.deployments (tenant_id, previous_deployment_id);
create index deployments_rollback_of_id_idx on app_public.deployments (tenant_id, rollback_of_id) where rollback_of_id is not null;
create index deployments_promoted_from_id_idx on app_public.deployments (tenant_id, promoted_from_id) where promoted_from_id is not null;
create index deployments_updated_at_idx on app_public.deployments (tenant_id, updated_at);

create table app_public.deployment_status_history (
  tenant_id        uuid        not null,
  id               uuid        not null default uuidv7(),
  project_id       uuid,
  deployment_id    uuid        not null,
  from_status      app_public.deployment_status,
  to_status        app_public.deployment_status not null,
  reason           text,
  runner           text,
  actor_type       app_public.actor_type not null default 'system',
  actor_user_id    uuid,
  actor_api_key_id uuid,
  created_at       timestamptz not null default clock_timestamp(),
  constraint deployment_status_history_pkey primary key (tenant_id, id),
  constraint deployment_status_history_deployment_id_fkey foreign key (tenant_id, deployment_id)
    references app_public.deployments (tenant_id, id) on delete cascade
);
comment on table app_public.deployment_status_history is 'Every move of every deployment, appended by trigger.';
comment on column app_public.deployment_status_history.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.deployment_status_history.id is 'Identifier, a version 7 UUID; sorts by time.';
comment on column app_public.deployment_status_history.project_id is 'Project of the deployment.';
comment on column app_public.deployment_status_history.deployment_id is 'The deployment.';
comment on column app_public.deployment_status_history.from_status is 'Status it left; null when it was made.';
comment on column app_public.deployment_status_history.to_status is 'Status it came to.';
comment on column app_public.deployment_status_history.reason is 'Why; null when nobody said.';
comment on column app_public.deployment_status_history.runner is 'Runner that held it; null when none did.';
comment on column app_public.deployment_status_history.actor_type is 'Kind of actor.';
comment on column app_public.deployment_status_history.actor_user_id is 'Person who moved it, or whose key did; null when nobody.';
comment on column app_public.deployment_status_history.actor_api_key_id is 'API key that moved it; null when none.';
comment on column app_public.deployment_status_history.created_at is 'When it moved.';
alter table app_public.deployment_status_history enable row level security, force row level security;
create index deployment_status_history_deployment_id_idx on app_public.deployment_status_history (tenant_id, deployment_id, id);

create table app_public.deployment_logs (
  tenant_id      uuid        not null,
  created_at     timestamptz not null default now(),
  id             uuid        not null default uuidv7(),
  project_id     uuid,
  deployment_id  uuid        not null,
  sequence       bigint      not null,
  level          app_public.log_level  not null default 'info',
  source         app_public.log_source not null default 'build',
  message        text        not null,
  service_name   text,
  container_name text,
  daemon         text,
  request_id     text,
  "timestamp"    timestamptz not null default clock_timestamp(),
  constraint deployment_logs_pkey primary key (tenant_id, created_at, id),
  constraint deployment_logs_deployment_id_fkey foreign key (tenant_id, deployment_id)
    references app_public.deployments (tenant_id, id) on delete cascade,
  constraint deployment_logs_sequence_check check (sequence > 0),
  constraint deployment_logs_message_check check (length(message) <= 65536)
) partition by range (created_at);
comment on table app_public.deployment_logs is 'Log lines of deployments, appended by append_deployment_logs.';
comment on column app_public.deployment_logs.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.deployment_logs.created_at is 'When the line was stored.';
comment on column app_public.deployment_logs.id is 'Identifier, a version 7 UUID.';
comment on column app_public.deployment_logs.project_id is 'Project of the deployment.';
comment on column app_public.deployment_logs.deployment_id is 'The deployment.';
comment on column app_public.deployment_logs.sequence is 'Place of the line in its deployment: 1, 2, 3, without a gap. Resume reading after the last one you have.';
comment on column app_public.deployment_logs.level is 'Severity.';
comment on column app_public.deployment_logs.source is 'Phase that wrote it.';
comment on column app_public.deployment_logs.message is 'The line, at most 65 536 characters.';
comment on column app_public.deployment_logs.service_name is 'Service that wrote it; null when not told.';
comment on column app_public.deployment_logs.container_name is 'Container that wrote it; null when not told.';
comment on column app_public.deployment_logs.daemon is 'Daemon that shipped it; null when not told.';
comment on column app_public.deployment_logs.request_id is 'Batch it came in: sent again, a batch is not stored twice. Null when not told.';
comment on column app_public.deployment_logs.timestamp is 'When the line was written, by the clock of its writer.';
alter table app_public.deployment_logs enable row level security, force row level security;
create index deployment_logs_deployment_id_idx on app_public.deployment_logs (tenant_id, deployment_id, sequence);
create index deployment_logs_problems_idx on app_public.deployment_logs (tenant_id, project_id, created_at desc)
  where level in ('warn', 'error', 'fatal');                                                                   -- reports

create table app_private.deployment_log_sequences (
  tenant_id     uuid   not null,
  deployment_id uuid   not null,
  last_sequence bigint not null default 0,
  constraint deployment_log_sequences_pkey primary key (tenant_id, deployment_id),
  constraint deployment_log_sequences_deployment_id_fkey foreign key (tenant_id, deployment_id)
    references app_public.deployments (tenant_id, id) on delete cascade
);
comment on table app_private.deployment_log_sequences is
  'Last log sequence of each deployment. Apart from deployments, so that a line written does not rewrite the wide, audited row.';
alter table app_private.deployment_log_sequences enable row level security, force row level security;

create type app_public.log_line as (
  message        text,
  level          app_public.log_level,
  source         app_public.log_source,
  "timestamp"    timestamptz,
  service_name   text,
  container_name text,
  daemon         text
);
comment on type app_public.log_line is 'A log line to append; only message is needed.';
comment on column app_public.log_line.message is 'The line, at most 65 536 characters.';
comment on column app_public.log_line.level is 'Severity; info when left out.';
comment on column app_public.log_line.source is 'Phase that writes it; build when left out.';
comment on column app_public.log_line.timestamp is 'When it was written; now when left out.';
comment on column app_public.log_line.service_name is 'Service that writes it.';
comment on column app_public.log_line.container_name is 'Container that writes it.';
comment on column app_public.log_line.daemon is 'Daemon that ships it.';
