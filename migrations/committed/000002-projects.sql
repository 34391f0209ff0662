--! Previous: sha1:4be393c4b7cbe1f287bbdff254581c2d8c320fdb
--! Hash: sha1:808d1e2e9f536bbe33c41aff80be67dbaa73f028
--! Message: projects

-- Projects, their environments and members, and the API keys that may be narrowed to them.
-- Lock: none that matters, everything is new. Rows touched: none. Safe while old code runs: yes.

create type app_public.visibility as enum ('private', 'team', 'public');
comment on type app_public.visibility is
  'Who in the tenant sees a project: private, its members; team, the members of its team or, without a team, every member from viewer up; public, everyone in the tenant. Admins and owners see all.';
create type app_public.project_status as enum ('planning', 'in_progress', 'review', 'deployed', 'archived');
comment on type app_public.project_status is 'Where a project is in its life.';
create type app_public.project_runtime_status as enum ('creating', 'running', 'stopped', 'error', 'archived');
comment on type app_public.project_runtime_status is 'What the machines of a project are doing.';
create type app_public.health_status as enum ('healthy', 'unhealthy', 'starting', 'unknown');
comment on type app_public.health_status is 'Result of the last health check.';
create type app_public.architecture_type as enum ('pwa', 'microservices', 'monolithic');
comment on type app_public.architecture_type is 'Overall shape of an application.';
create type app_public.project_type as enum ('monorepo', 'frontend_only', 'backend', 'fullstack', 'static', 'worker');
comment on type app_public.project_type is 'What a repository holds.';
create type app_public.repository_type as enum ('new', 'existing');
comment on type app_public.repository_type is 'Whether the repository was made for the project or was there before.';
create type app_public.environment_type as enum ('development', 'staging', 'production', 'preview', 'custom', 'system');
comment on type app_public.environment_type is 'What an environment is for.';

create table app_public.projects (
  tenant_id          uuid        not null default nullif(current_setting('app.tenant_id', true), '')::uuid,
  id                 uuid        not null default uuidv7(),
  owner_id           uuid        default nullif(current_setting('app.user_id', true), '')::uuid,
  team_id            uuid,
  name               text        not null,
  slug               app_public.slug not null,
  description        text        not null default '',
  functionality      text,
  type               app_public.project_type,
  region             text,
  visibility         app_public.visibility not null default 'private',
  status             app_public.project_status not null default 'planning',
  runtime_status     app_public.project_runtime_status not null default 'creating',
  health_status      app_public.health_status not null default 'unknown',
  architecture_type  app_public.architecture_type not null default 'monolithic',
  architecture       jsonb       not null default '{}',
  tech_stack         jsonb       not null default '{}',
  integrations       jsonb       not null default '{}',
  environment_vars   jsonb       not null default '{}',
  container_id       text,
  service_url        text,
  internal_ip        inet,
  allocated_port     integer,
  memory_limit_mb    integer     not null default 1024,
  cpu_limit_percent  integer     not null default 100,
  storage_limit_mb   integer     not null default 5120,
  repository_type    app_public.repository_type not null default 'new',
  repository_url     text,
  repository_branch  text        not null default 'main',
  last_sync_at       timestamptz,
  deployed_url       text,
  current_version    text,
  quality_score      numeric(5,2),
  total_files        integer     not null default 0,
  file_count         integer     generated always as (total_files) virtual,
  total_lines        integer     not null default 0,
  total_size_bytes   bigint      not null default 0,
  deployment_count   integer     not null default 0,
  last_activity_at   timestamptz,
  deployed_at        timestamptz,
  archived_at        timestamptz,
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now(),
  deleted_at         timestamptz,
  is_deleted         boolean     generated always as (deleted_at is not null) virtual,
  constraint projects_pkey primary key (tenant_id, id),
  constraint projects_slug_key unique (tenant_id, slug),
  constraint projects_owner_id_name_key unique (tenant_id, owner_id, name),
  constraint projects_tenant_id_fkey foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint projects_owner_id_fkey foreign key (owner_id) references app_public.users (id) on delete set null,
  constraint projects_team_id_fkey foreign key (tenant_id, team_id)
    references app_public.teams (tenant_id, id) on delete set null (team_id),
  constraint projects_name_check check (length(name) between 1 and 255),
  constraint projects_region_check check (length(region) <= 64),
  constraint projects_architecture_check check (jsonb_typeof(architecture) = 'object'),
  constraint projects_tech_stack_check check (jsonb_typeof(tech_stack) = 'object'),
  constraint projects_integrations_check check (jsonb_typeof(integrations) = 'object'),
  constraint projects_environment_vars_check check (jsonb_typeof(environment_vars) = 'object'),
  constraint projects_allocated_port_check check (allocated_port between 1000 and 65535),
  constraint projects_memory_limit_mb_check check (memory_limit_mb > 0),
  constraint projects_cpu_limit_percent_check check (cpu_limit_percent > 0 and cpu_limit_percent <= 100),
  constraint projects_storage_limit_mb_check check (storage_limit_mb > 0),
  constraint projects_repository_url_check check (length(repository_url) <= 500),
  constraint projects_deployed_url_check check (length(deployed_url) <= 500),
  constraint projects_current_version_check check (length(current_version) <= 100),
  constraint projects_quality_score_check check (quality_score between 0 and 100),
  constraint projects_counters_check check (
    total_files >= 0 and total_lines >= 0 and total_size_bytes >= 0 and deployment_count >= 0)
);
comment on table app_public.projects is 'An application: what is built from one repository and deployed to environments.';
comment on column app_public.projects.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.projects.id is 'Identifier, a version 7 UUID.';
comment on column app_public.projects.owner_id is 'Who answers for it; null when that account is gone.';
comment on column app_public.projects.team_id is 'Team that sees it when visibility is team; null means every member.';
comment on column app_public.projects.name is 'Name, unique among the projects of its owner.';
comment on column app_public.projects.slug is 'Short name for URLs, unique inside the tenant.';
comment on column app_public.projects.description is 'What it is; empty when not told.';
comment on column app_public.projects.functionality is 'What it should do, in words; null when not told.';
comment on column app_public.projects.type is 'What the repository holds; null when not known.';
comment on column app_public.projects.region is 'Where it runs, in the words of the host; null when not chosen.';
comment on column app_public.projects.visibility is 'Who in the tenant sees it.';
comment on column app_public.projects.status is 'Where it is in its life.';
comment on column app_public.projects.runtime_status is 'What its machines are doing.';
comment on column app_public.projects.health_status is 'Result of its last health check.';
comment on column app_public.projects.architecture_type is 'Overall shape of the application.';
comment on column app_public.projects.architecture is 'Description of the architecture, a JSON object.';
comment on column app_public.projects.tech_stack is 'Technologies by layer: {"frontend":[],"backend":[],"ai":[],"infrastructure":[]}.';
comment on column app_public.projects.integrations is 'Configuration of integrations that is not secret, a JSON object.';
comment on column app_public.projects.environment_vars is 'Variables of every environment, a JSON object. Never a secret: everyone who sees the project reads them.';
comment on column app_public.projects.container_id is 'Container that runs it; null when none does.';
comment on column app_public.projects.service_url is 'Address inside the platform; null when not running.';
comment on column app_public.projects.internal_ip is 'Address of its machine; null when not running.';
comment on column app_public.projects.allocated_port is 'Port on its machine, 1000 to 65535; null when none is taken.';
comment on column app_public.projects.memory_limit_mb is 'Memory it may use, in MiB.';
comment on column app_public.projects.cpu_limit_percent is 'Share of a processor it may use, in percent.';
comment on column app_public.projects.storage_limit_mb is 'Disk it may use, in MiB.';
comment on column app_public.projects.repository_type is 'Whether the repository was made for it or was there before.';
comment on column app_public.projects.repository_url is 'Repository it is built from; null when there is none.';
comment on column app_public.projects.repository_branch is 'Default branch of the repository.';
comment on column app_public.projects.last_sync_at is 'When the repository was last looked at; null before the first time.';
comment on column app_public.projects.deployed_url is 'Address of the current production deployment; null before the first.';
comment on column app_public.projects.current_version is 'Version of the current production deployment; null when not told.';
comment on column app_public.projects.quality_score is 'Quality from 0 to 100; null until calculated.';
comment on column app_public.projects.total_files is 'Number of its files.';
comment on column app_public.projects.file_count is 'The same as totalFiles.';
comment on column app_public.projects.total_lines is 'Lines in its files.';
comment on column app_public.projects.total_size_bytes is 'Bytes in its files.';
comment on column app_public.projects.deployment_count is 'Number of its deployments.';
comment on column app_public.projects.last_activity_at is 'When something last happened to it; null before the first time.';
comment on column app_public.projects.deployed_at is 'When a deployment last became current in production; null before the first.';
comment on column app_public.projects.archived_at is 'When it was archived; null while it is in use.';
comment on column app_public.projects.created_at is 'When it was made.';
comment on column app_public.projects.updated_at is 'When the row last changed.';
comment on column app_public.projects.deleted_at is 'When it was deleted; null while it exists.';
comment on column app_public.projects.is_deleted is 'Whether it was deleted.';
alter table app_public.projects enable row level security, force row level security;
create index projects_owner_id_idx on app_public.projects (owner_id);
create index projects_team_id_idx on app_public.projects (tenant_id, team_id) where team_id is not null;
create index projects_restricted_idx on app_public.projects (tenant_id, id) where visibility <> 'public';  -- hidden_project_ids
create index projects_deleted_at_idx on app_public.projects (tenant_id, id) where deleted_at is not null;       -- hidden_project_ids, purge
create index projects_status_idx on app_public.projects (tenant_id, status);
create index projects_visibility_idx on app_public.projects (tenant_id, visibility);
create index projects_architecture_type_idx on app_public.projects (tenant_id, architecture_type);
create index projects_container_id_idx on app_public.projects (tenant_id, container_id) where container_id is not null;
create index projects_created_at_idx on app_public.projects (tenant_id, created_at desc, id);
create index projects_last_activity_at_idx on app_public.projects (tenant_id, last_activity_at desc);
create index projects_updated_at_idx on app_public.projects (tenant_id, updated_at);
create index projects_tech_stack_idx on app_public.projects using gin (tech_stack jsonb_path_ops);

create table app_public.project_members (
  tenant_id          uuid        not null default nullif(current_setting('app.tenant_id', true), '')::uuid,
  id                 uuid        not null default uuidv7(),
  project_id         uuid        not null,
  user_id            uuid        not null,
  role               app_public.member_role not null default 'developer',
  joined_at          timestamptz not null default now(),
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now(),
  constraint project_members_pkey primary key (tenant_id, id),
  constraint project_members_project_id_user_id_key unique (tenant_id, project_id, user_id),
  constraint project_members_project_id_fkey foreign key (tenant_id, project_id)
    references app_public.projects (tenant_id, id) on delete cascade,
  constraint project_members_membership_fkey foreign key (tenant_id, user_id)
    references app_public.tenant_members (tenant_id, user_id) on delete cascade,
  constraint project_members_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade
);
comment on table app_public.project_members is 'Who works on a project; opens a private project to them.';
comment on column app_public.project_members.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.project_members.id is 'Identifier, a version 7 UUID.';
comment on column app_public.project_members.project_id is 'The project.';
comment on column app_public.project_members.user_id is 'The person; a member of the tenant.';
comment on column app_public.project_members.role is 'Part they have in the project; their rank in the tenant decides what they may do.';
comment on column app_public.project_members.joined_at is 'When they joined.';
comment on column app_public.project_members.created_at is 'When the row was made.';
comment on column app_public.project_members.updated_at is 'When the row last changed.';
alter table app_public.project_members enable row level security, force row level security;
create index project_members_user_id_idx on app_public.project_members (user_id);
create index project_members_membership_idx on app_public.project_members (tenant_id, user_id, project_id); -- hidden_project_ids
create index project_members_updated_at_idx on app_public.project_members (tenant_id, updated_at);

create table app_public.project_environments (
  tenant_id         uuid        not null default nullif(current_setting('app.tenant_id', true), '')::uuid,
  id                uuid        not null default uuidv7(),
  project_id        uuid        not null,
  name              text        not null,
  type              app_public.environment_type not null default 'custom',
  env_type          app_public.environment_type generated always as (type) stored,
  branch            text,
  env_vars          jsonb       not null default '{}',
  custom_domain     app_public.hostname,
  requires_approval boolean     not null default false,
  is_active         boolean     not null default true,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  deleted_at        timestamptz,
  is_deleted        boolean     generated always as (deleted_at is not null) virtual,
  constraint project_environments_pkey primary key (tenant_id, id),
  constraint project_environments_project_id_name_key unique (tenant_id, project_id, name),
  constraint project_environments_project_id_id_key unique (tenant_id, project_id, id),
  constraint project_environments_project_id_fkey foreign key (tenant_id, project_id)
    references app_public.projects (tenant_id, id) on delete cascade,
  constraint project_environments_name_check check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  constraint project_environments_branch_check check (length(branch) between 1 and 255),
  constraint project_environments_env_vars_check check (jsonb_typeof(env_vars) = 'object')
);
comment on table app_public.project_environments is 'A place a project is deployed to. A new project has staging and production.';
comment on column app_public.project_environments.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.project_environments.id is 'Identifier, a version 7 UUID.';
comment on column app_public.project_environments.project_id is 'The project.';
comment on column app_public.project_environments.name is 'Name, unique inside the project; lower-case letters, digits and dashes.';
comment on column app_public.project_environments.type is 'What it is for.';
comment on column app_public.project_environments.env_type is 'The same as type.';
comment on column app_public.project_environments.branch is 'A push to this branch deploys here; null when pushes do not.';
comment on column app_public.project_environments.env_vars is 'Variables of this environment, a JSON object. Never a secret.';
comment on column app_public.project_environments.custom_domain is 'Host name it answers to; null for the one the platform gives.';
comment on column app_public.project_environments.requires_approval is 'Whether a deployment waits for approve_deployment before a runner may claim it.';
comment on column app_public.project_environments.is_active is 'Whether it takes deployments.';
comment on column app_public.project_environments.created_at is 'When it was made.';
comment on column app_public.project_environments.updated_at is 'When the row last changed.';
comment on column app_public.project_environments.deleted_at is 'When it was deleted; null while it exists.';
comment on column app_public.project_environments.is_deleted is 'Whether it was deleted.';
alter table app_public.project_environments enable row level security, force row level security;
create unique index project_environments_branch_key on app_public.project_environments (tenant_id, project_id, branch)
  where branch is not null and deleted_at is null;                                                          -- a branch has one destination
create index project_environments_updated_at_idx on app_public.project_environments (tenant_id, updated_at);

create table app_public.api_keys (
  tenant_id             uuid        not null,
  id                    uuid        not null default uuidv7(),
  user_id               uuid        not null,
  name                  text        not null,
  label                 text        generated always as (name) virtual,
  key_prefix            text        not null,
  checksum              text        not null,
  scopes                app_public.api_scope[] not null default '{read}',
  permissions           jsonb       not null default '[]',
  project_id            uuid,
  environment_id        uuid,
  allowed_ips           inet[],
  usage_limit           bigint,
  usage_count           bigint      not null default 0,
  rate_limit_per_minute integer,
  expires_at            timestamptz,
  last_used_at          timestamptz,
  last_used             timestamptz generated always as (last_used_at) virtual,
  rotated_from_id       uuid,
  grace_expires_at      timestamptz,
  revoked_at            timestamptz,
  revoked               boolean     generated always as (revoked_at is not null) virtual,
  is_active             boolean     generated always as (revoked_at is null) virtual,
  created_at            timestamptz not null default now(),
  updated_at            timestamptz not null default now(),
  constraint api_keys_pkey primary key (tenant_id, id),
  constraint api_keys_key_prefix_key unique (tenant_id, key_prefix),
  constraint api_keys_tenant_id_fkey foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint api_keys_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade,
  constraint api_keys_membership_fkey foreign key (tenant_id, user_id)
    references app_public.tenant_members (tenant_id, user_id) on delete cascade,
  constraint api_keys_project_id_fkey foreign key (tenant_id, project_id)
    references app_public.projects (tenant_id, id) on delete cascade,
  constraint api_keys_environment_id_fkey foreign key (tenant_id, project_id, environment_id)
    references app_public.project_environments (tenant_id, project_id, id) on delete cascade,
  constraint api_keys_rotated_from_id_fkey foreign key (tenant_id, rotated_from_id)
    references app_public.api_keys (tenant_id, id) on delete set null (rotated_from_id),
  constraint api_keys_name_check check (length(name) between 1 and 255),
  constraint api_keys_scopes_check check (cardinality(scopes) > 0),
  constraint api_keys_permissions_check check (jsonb_typeof(permissions) = 'array'),
  constraint api_keys_environment_check check (environment_id is null or project_id is not null),
  constraint api_keys_usage_limit_check check (usage_limit > 0),
  constraint api_keys_rate_limit_per_minute_check check (rate_limit_per_minute > 0)
);
comment on table app_public.api_keys is 'A key that a program authenticates with. The key itself is shown once, by create_api_key or rotate_api_key.';
comment on column app_public.api_keys.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.api_keys.id is 'Identifier, a version 7 UUID.';
comment on column app_public.api_keys.user_id is 'Whose key it is; it never may more than this person.';
comment on column app_public.api_keys.name is 'What it is for.';
comment on column app_public.api_keys.label is 'The same as name.';
comment on column app_public.api_keys.key_prefix is 'First 20 characters of the key, enough to recognise it.';
comment on column app_public.api_keys.checksum is 'Last eight characters of the key: CRC-32 of the rest, in hex, so that scanners can tell a real key from noise.';
comment on column app_public.api_keys.scopes is 'What it may do at most; the highest counts.';
comment on column app_public.api_keys.permissions is 'Narrows the key to a JSON array of "<resource>:<verb>" such as "deployments:write"; empty means all its scopes allow.';
comment on column app_public.api_keys.project_id is 'The only project it sees; null means every project its owner sees.';
comment on column app_public.api_keys.environment_id is 'The only environment it may deploy to; null means every one.';
comment on column app_public.api_keys.allowed_ips is 'Addresses or networks it may be used from; null means anywhere.';
comment on column app_public.api_keys.usage_limit is 'How many requests it is good for; null means any number.';
comment on column app_public.api_keys.usage_count is 'Requests made with it; exact when usageLimit is set, otherwise minutes in which it was used.';
comment on column app_public.api_keys.rate_limit_per_minute is 'Requests a minute; null means no limit of its own.';
comment on column app_public.api_keys.expires_at is 'Until when it works; null means until revoked.';
comment on column app_public.api_keys.last_used_at is 'When it was last used, exact to a minute; null before the first time.';
comment on column app_public.api_keys.last_used is 'The same as lastUsedAt.';
comment on column app_public.api_keys.rotated_from_id is 'Key it took over from; null when it is the first.';
comment on column app_public.api_keys.grace_expires_at is 'Set on a key that was rotated: until when it still works beside its successor.';
comment on column app_public.api_keys.revoked_at is 'When it was revoked; null while it is not.';
comment on column app_public.api_keys.revoked is 'Whether it was revoked.';
comment on column app_public.api_keys.is_active is 'Whether it was not revoked; expiry is told by expiresAt.';
comment on column app_public.api_keys.created_at is 'When it was made.';
comment on column app_public.api_keys.updated_at is 'When the row last changed.';
alter table app_public.api_keys enable row level security, force row level security;
create index api_keys_user_id_idx on app_public.api_keys (user_id);
create index api_keys_membership_idx on app_public.api_keys (tenant_id, user_id);
create index api_keys_project_id_idx on app_public.api_keys (tenant_id, project_id, environment_id);
create index api_keys_rotated_from_id_idx on app_public.api_keys (tenant_id, rotated_from_id);
create index api_keys_is_active_idx on app_public.api_keys (tenant_id, created_at desc) where revoked_at is null;
create index api_keys_updated_at_idx on app_public.api_keys (tenant_id, updated_at);

create table app_private.api_key_directory (
  key_hash   bytea not null,
  tenant_id  uuid  not null,
  api_key_id uuid  not null,
  constraint api_key_directory_pkey primary key (key_hash)
);
comment on table app_private.api_key_directory is 'Finds the key that a request presents, by its SHA-256. No foreign key: global rows never reference tenant rows.';
alter table app_private.api_key_directory enable row level security, force row level security;
create index api_key_directory_tenant_id_idx on app_private.api_key_directory (tenant_id, api_key_id);

create table app_public.idempotency_keys (
  tenant_id    uuid        not null,
  operation    text        not null,
  key          text        not null,
  request_hash bytea       not null,
  response     jsonb       not null,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz not null default now() + interval '24 hours',
  constraint idempotency_keys_pkey primary key (tenant_id, operation, key),
  constraint idempotency_keys_tenant_id_fkey foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint idempotency_keys_key_check check (length(key) between 1 and 255)
);
comment on table app_public.idempotency_keys is 'Answers given to requests that carried an idempotency key, kept for a day; a retry gets the same answer. Not readable through the API.';
comment on column app_public.idempotency_keys.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.idempotency_keys.operation is 'Function that was called.';
comment on column app_public.idempotency_keys.key is 'Key the client chose.';
comment on column app_public.idempotency_keys.request_hash is 'SHA-256 of the arguments: the same key with other arguments is refused.';
comment on column app_public.idempotency_keys.response is 'Identifiers of what was made.';
comment on column app_public.idempotency_keys.created_at is 'When the key was first used.';
comment on column app_public.idempotency_keys.expires_at is 'Until when a retry is recognised.';
alter table app_public.idempotency_keys enable row level security, force row level security;
create index idempotency_keys_expires_at_idx on app_public.idempotency_keys (expires_at); -- sweep

create type app_public.created_api_key as (
  token      text,
  api_key_id uuid,
  key_prefix text,
  expires_at timestamptz
);
comment on type app_public.created_api_key is 'A new API key.';
comment on column app_public.created_api_key.token is 'The key itself; shown this once.';
comment on column app_public.created_api_key.api_key_id is 'Identifier of the key.';
comment on column app_public.created_api_key.key_prefix is 'First 20 characters, enough to recognise it.';
comment on column app_public.created_api_key.expires_at is 'Until when it works; null means until revoked.';
