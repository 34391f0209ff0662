--! Previous: sha1:ade43d92647a80e87ca1b207c45618e630ddf1ad
--! Hash: sha1:06487c76fbd435378cf9a429583d5994bba5dae9
--! Message: webhooks

-- Inbound webhooks: where they come from, their secrets, and the inbox.
-- Lock: none that matters, everything is new. Rows touched: none. Safe while old code runs: yes.

create type app_public.webhook_provider as enum ('github', 'gitlab', 'vercel', 'stripe', 'standard');
comment on type app_public.webhook_provider is 'Sender of inbound webhooks, which decides how they are signed.';

create table app_public.webhook_sources (
  tenant_id   uuid        not null,
  id          uuid        not null default uuidv7(),
  project_id  uuid        not null,
  provider    app_public.webhook_provider not null,
  name        text        not null,
  description text,
  is_active   boolean     not null default true,
  last_received_at timestamptz,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  constraint webhook_sources_pkey primary key (tenant_id, id),
  constraint webhook_sources_project_id_fkey foreign key (tenant_id, project_id)
    references app_public.projects (tenant_id, id) on delete cascade,
  constraint webhook_sources_name_key unique (tenant_id, project_id, name),
  constraint webhook_sources_name_check check (length(name) between 1 and 255)
);
comment on table app_public.webhook_sources is 'An address that a provider may post webhooks to: /webhooks/<provider>/<id>. Made by create_webhook_source, which tells the secret once.';
comment on column app_public.webhook_sources.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.webhook_sources.id is 'Identifier, a version 7 UUID; part of the address.';
comment on column app_public.webhook_sources.project_id is 'Project that its webhooks are about.';
comment on column app_public.webhook_sources.provider is 'Who sends.';
comment on column app_public.webhook_sources.name is 'Name, unique inside the project.';
comment on column app_public.webhook_sources.description is 'What it is for; null when not told.';
comment on column app_public.webhook_sources.is_active is 'Whether it takes webhooks; an inactive one answers like an unknown one.';
comment on column app_public.webhook_sources.last_received_at is 'When a genuine webhook last came, exact to a minute; null before the first.';
comment on column app_public.webhook_sources.created_at is 'When it was made.';
comment on column app_public.webhook_sources.updated_at is 'When the row last changed.';
alter table app_public.webhook_sources enable row level security, force row level security;
create index webhook_sources_updated_at_idx on app_public.webhook_sources (tenant_id, updated_at);

create table app_private.webhook_source_secrets (
  tenant_id           uuid        not null,
  webhook_source_id   uuid        not null,
  secret              text        not null,
  previous_secret     text,
  previous_expires_at timestamptz,
  created_at          timestamptz not null default now(),
  updated_at          timestamptz not null default now(),
  constraint webhook_source_secrets_pkey primary key (tenant_id, webhook_source_id),
  constraint webhook_source_secrets_webhook_source_id_fkey foreign key (tenant_id, webhook_source_id)
    references app_public.webhook_sources (tenant_id, id) on delete cascade
);
comment on table app_private.webhook_source_secrets is 'Sealed signing secrets of webhook sources; two at once while one is rotated.';
alter table app_private.webhook_source_secrets enable row level security, force row level security;
create index webhook_source_secrets_updated_at_idx on app_private.webhook_source_secrets (tenant_id, updated_at);

create table app_private.webhook_source_directory (
  webhook_source_id uuid not null,
  tenant_id         uuid not null,
  constraint webhook_source_directory_pkey primary key (webhook_source_id)
);
comment on table app_private.webhook_source_directory is 'Finds the tenant of a webhook source; the sender names only the source. No foreign key: global rows never reference tenant rows.';
alter table app_private.webhook_source_directory enable row level security, force row level security;
create index webhook_source_directory_tenant_id_idx on app_private.webhook_source_directory (tenant_id);

create table app_public.webhook_events (
  tenant_id         uuid        not null,
  id                uuid        not null default uuidv7(),
  webhook_source_id uuid        not null,
  project_id        uuid        not null,
  source            text        not null,
  event_type        text        not null,
  unique_request_id text        not null,
  payload           jsonb       not null,
  headers           jsonb       not null default '{}',
  raw_body          bytea       not null,
  signature_valid   boolean     not null default true,
  received_at       timestamptz not null default now(),
  processed_at      timestamptz,
  processed         boolean     generated always as (processed_at is not null) virtual,
  outcome           text,
  deployment_id     uuid,
  response_code     integer     not null default 202,
  response_status   text        generated always as (case when response_code < 300 then 'accepted' else 'refused' end) virtual,
  attempts          integer     not null default 0,
  error             text,
  created_at        timestamptz generated always as (received_at) virtual,
  updated_at        timestamptz not null default now(),
  constraint webhook_events_pkey primary key (tenant_id, id),
  constraint webhook_events_unique_request_id_key unique (tenant_id, webhook_source_id, unique_request_id),
  constraint webhook_events_webhook_source_id_fkey foreign key (tenant_id, webhook_source_id)
    references app_public.webhook_sources (tenant_id, id) on delete cascade,
  constraint webhook_events_project_id_fkey foreign key (tenant_id, project_id)
    references app_public.projects (tenant_id, id) on delete cascade,
  constraint webhook_events_deployment_id_fkey foreign key (tenant_id, deployment_id)
    references app_public.deployments (tenant_id, id) on delete set null (deployment_id),
  constraint webhook_events_unique_request_id_check check (length(unique_request_id) between 1 and 255)
);
comment on table app_public.webhook_events is 'Inbox of webhooks whose signature was genuine. A delivery id seen before is not stored again.';
comment on column app_public.webhook_events.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.webhook_events.id is 'Identifier, a version 7 UUID.';
comment on column app_public.webhook_events.webhook_source_id is 'Source it came through.';
comment on column app_public.webhook_events.project_id is 'Project of that source.';
comment on column app_public.webhook_events.source is 'Provider that sent it.';
comment on column app_public.webhook_events.event_type is 'Type in the words of the provider, such as push.';
comment on column app_public.webhook_events.unique_request_id is 'Delivery id of the provider.';
comment on column app_public.webhook_events.payload is 'The JSON that was sent.';
comment on column app_public.webhook_events.headers is 'The headers that matter, without signatures.';
comment on column app_public.webhook_events.raw_body is 'The bytes that were signed; not readable through the API.';
comment on column app_public.webhook_events.signature_valid is 'Whether the signature was genuine; anything else is never stored.';
comment on column app_public.webhook_events.received_at is 'When it came.';
comment on column app_public.webhook_events.processed_at is 'When it was applied; null until then.';
comment on column app_public.webhook_events.processed is 'Whether it was applied.';
comment on column app_public.webhook_events.outcome is 'What applying it came to, such as deployment_requested or ignored; null until then.';
comment on column app_public.webhook_events.deployment_id is 'Deployment it asked for; null when none.';
comment on column app_public.webhook_events.response_code is 'HTTP status the sender got.';
comment on column app_public.webhook_events.response_status is 'accepted or refused, by the response code.';
comment on column app_public.webhook_events.attempts is 'How often it was tried.';
comment on column app_public.webhook_events.error is 'Why the last try failed; null when it did not.';
comment on column app_public.webhook_events.created_at is 'The same as receivedAt.';
comment on column app_public.webhook_events.updated_at is 'When the row last changed.';
alter table app_public.webhook_events enable row level security, force row level security;
create index webhook_events_project_id_idx on app_public.webhook_events (tenant_id, project_id, received_at desc);
create index webhook_events_deployment_id_idx on app_public.webhook_events (tenant_id, deployment_id) where deployment_id is not null;
create index webhook_events_event_type_idx on app_public.webhook_events (tenant_id, event_type, received_at desc);
create index webhook_events_unprocessed_idx on app_public.webhook_events (tenant_id, received_at) where processed_at is null;
create index webhook_events_updated_at_idx on app_public.webhook_events (tenant_id, updated_at);

create type app_public.created_webhook_source as (
  webhook_source_id uuid,
  path              text,
  secret            text
);
comment on type app_public.created_webhook_source is 'What the provider has to be told.';
comment on column app_public.created_webhook_source.webhook_source_id is 'Identifier of the source.';
comment on column app_public.created_webhook_source.path is 'Path of the address to post to.';
comment on column app_public.created_webhook_source.secret is 'Signing secret; shown this once.';
