import pg from 'pg'

/** How much there is of everything. Each tenant has an owner, a developer and a viewer. */
export interface Size {
  readonly tenants: number
  /** Projects of a tenant: of ten, one is private to its owner and four are the team's. */
  readonly projects: number
  /** Deployments of a project, an hour between them. */
  readonly deployments: number
  /** Moves of a deployment, at most 4. */
  readonly moves: number
}

/** A person with a session, and what they may ask for. */
export interface Person {
  readonly token: string
  readonly tenantId: string
  /** Projects that they see. */
  readonly projectIds: readonly string[]
}

export const deploymentsOf = (size: Size): number => size.tenants * size.projects * size.deployments

/** Deployments written by one statement. */
const CHUNK = 200_000
/** Connections that write at once; two, since that is what the smallest machine has. */
const WRITERS = 2
/** From here on indexes are dropped and built after. */
const BULK = 1_000_000

/**
 * Fills an empty database, triggers and foreign keys disabled. The rows of one project lie apart, as they do when projects
 * deploy side by side: each deployment of all projects comes before the next of any.
 * @returns one developer of each of the first `people` tenants.
 */
export async function populate(
  url: string,
  size: Size,
  people: number,
  log: (line: string) => void,
): Promise<Person[]> {
  const total = deploymentsOf(size)
  const clients = await Promise.all(Array.from({ length: WRITERS }, () => connect(url)))
  const [client] = clients as [pg.Client]
  try {
    await client.query(PEOPLE_AND_PROJECTS)
    await client.query('select bench.populate($1, $2)', [size.tenants, size.projects])
    await client.query('analyze bench.projects')

    const indexes = total >= BULK ? await dropIndexes(client) : []
    const chunk = Math.max(1, Math.floor(CHUNK / (size.tenants * size.projects)))
    let next = 1
    let written = 0
    let told = performance.now()
    await Promise.all(
      clients.map(async (each) => {
        while (next <= size.deployments) {
          const first = next
          next += chunk
          const last = Math.min(next - 1, size.deployments)
          await each.query('select bench.deploy($1, $2, $3, $4)', [first, last, size.deployments, size.moves])
          written += (last - first + 1) * size.tenants * size.projects
          if (performance.now() - told > 5000) {
            told = performance.now()
            log(`  ${written.toLocaleString('en')} of ${total.toLocaleString('en')} deployments`)
          }
        }
      }),
    )
    let index: string | undefined
    if (indexes.length > 0) log(`  ${indexes.length} indexes`)
    await Promise.all(
      clients.map(async (each) => {
        while ((index = indexes.shift()) !== undefined) await each.query(index)
      }),
    )
    // What the background would do in the middle of the measuring.
    await client.query(indexes.length > 0 || total >= BULK ? 'analyze' : 'vacuum analyze')
    await client.query('checkpoint')
    const { rows } = await client.query<Person>(
      `
      select p.token, p.tenant_id as "tenantId", array(
        select j.id::text from bench.projects j where j.tenant_id = p.tenant_id and not j.is_hidden order by j.n) as "projectIds"
      from bench.people p where p.role = 'developer' order by p.tenant limit $1`,
      [people],
    )
    return rows
  } finally {
    await Promise.all(clients.map((each) => each.end()))
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: `freehold-bench ${process.pid}`,
    options:
      '-c session_replication_role=replica -c maintenance_work_mem=512MB -c max_parallel_maintenance_workers=1 -c synchronous_commit=off',
  })
  await client.connect()
  return client
}

/** Indexes that can find the latest deployments of a project. The others would only take time to build. */
const WANTED = ['deployments_pkey', 'deployments_latest_idx', 'deployments_created_at_idx']

/**
 * Takes the indexes off the table of deployments and makes it unlogged: neither changes what a reader finds afterwards.
 * @returns the statements that bring the wanted ones back.
 */
async function dropIndexes(client: pg.Client): Promise<string[]> {
  const { rows: constraints } = await client.query<{ table: string; name: string; definition: string }>(`
    select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition
    from pg_constraint
    where conparentid = 0 and ((contype = 'f' and confrelid = 'app_public.deployments'::regclass)
      or (contype in ('p', 'u', 'c') and conrelid = 'app_public.deployments'::regclass))
    order by contype = 'f' desc`)
  for (const { table, name } of constraints) await client.query(`alter table ${table} drop constraint ${name}`)
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
    from pg_index where indrelid = 'app_public.deployments'::regclass`)
  for (const { name } of indexes) await client.query(`drop index ${name}`)
  await client.query('alter table app_public.deployments set unlogged')
  await client.query('alter table app_public.deployments set (autovacuum_enabled = off)')
  return [
    ...indexes.filter(({ name }) => WANTED.includes(name.replace(/.*[.]/, ''))).map(({ definition }) => definition),
    // Built side by side with the others, which a constraint's lock would forbid; readers ask the index, not the constraint.
    ...constraints
      .filter(({ name }) => WANTED.includes(name))
      .map(
        ({ name, definition }) =>
          `create unique index ${name} on app_public.deployments ${definition.replace(/^(PRIMARY KEY|UNIQUE)/, '')}`,
      ),
  ]
}

const PEOPLE_AND_PROJECTS = `
create schema bench;
create unlogged table bench.tenants (n int, id uuid default uuidv7());
create unlogged table bench.people (tenant int, tenant_id uuid, role app_public.member_role, user_id uuid default uuidv7(), session_id uuid default uuidv7(), token text);
create unlogged table bench.projects (n int, tenant_id uuid, id uuid default uuidv7(), environment_id uuid default uuidv7(), owner_id uuid, is_hidden boolean);

create function bench.populate(tenants int, projects int) returns void language plpgsql as $$
begin
  insert into bench.tenants select n from generate_series(1, populate.tenants) n;
  insert into bench.people (tenant, tenant_id, role, token)
  select t.n, t.id, r, 'fh_sess_' || md5(t.n || r::text)
  from bench.tenants t, unnest('{owner,developer,viewer}'::app_public.member_role[]) r order by 1;
  insert into bench.projects (n, tenant_id, owner_id, is_hidden)
  select n, p.tenant_id, p.user_id, n % 10 = 0
  from generate_series(1, populate.projects) n, bench.people p where p.role = 'owner' order by 1, p.tenant;

  insert into app_public.tenants (id, name, slug) select id, 'Tenant ' || n, 'tenant-' || n from bench.tenants;
  insert into app_public.users (id, email, username, name, avatar_url)
  select user_id, role::text || tenant || '@bench.test', role::text || tenant, initcap(role::text) || ' ' || tenant, 'https://faces.test/' || role::text || tenant || '.png' from bench.people;
  insert into app_public.user_settings (user_id, default_tenant_id) select user_id, tenant_id from bench.people;
  insert into app_public.tenant_members (tenant_id, user_id, role, invitation_status, joined_at)
  select tenant_id, user_id, role, 'joined', now() from bench.people;
  insert into app_public.sessions (id, user_id, tenant_id, expires_at) select session_id, user_id, tenant_id, now() + interval '1 day' from bench.people;
  insert into app_private.session_tokens (token_hash, session_id) select app_private.hash_token(token), session_id from bench.people;
  insert into app_public.projects (tenant_id, id, owner_id, name, slug, visibility)
  select tenant_id, id, owner_id, 'Project ' || n, 'project-' || n,
    (case when is_hidden then 'private' when n % 10 <= 4 then 'team' else 'public' end)::app_public.visibility
  from bench.projects;
  insert into app_public.project_environments (tenant_id, id, project_id, name, type)
  select tenant_id, environment_id, id, 'production', 'production' from bench.projects;
end $$;

create function bench.deploy(first int, last int, of int, moves int) returns void language plpgsql as $$
declare
  v_now timestamptz := date_trunc('hour', now());
begin
  for i in deploy.first .. deploy.last loop
    with made as (
      insert into app_public.deployments (tenant_id, id, project_id, environment_id, environment, status, commit_sha, ref,
        deployed_by, created_at, updated_at, started_at, completed_at, is_current)
      select p.tenant_id, uuidv7(v_now - make_interval(hours => deploy.of - i) - clock_timestamp()), p.id, p.environment_id, 'production',
        (case when i = deploy.of then 'ready' when i % 7 = 0 then 'failed' else 'superseded' end)::app_public.deployment_status,
        md5(p.n::text || i) || '00000000', 'refs/heads/main', p.owner_id, t, t, t, t + interval '1 minute', i = deploy.of
      from bench.projects p, (values (v_now - make_interval(hours => deploy.of - i))) as v(t)
      returning tenant_id, id, project_id, deployed_by, created_at
    )
    insert into app_public.deployment_status_history (tenant_id, project_id, deployment_id, from_status, to_status, actor_type, actor_user_id, created_at)
    select m.tenant_id, m.project_id, m.id, s.f, s.t, 'user', m.deployed_by, m.created_at + s.n * interval '20 seconds'
    from made m, (values (1, null, 'pending'), (2, 'pending', 'building'), (3, 'building', 'deploying'), (4, 'deploying', 'ready'))
      as v(n, f, t), lateral (select v.n, v.f::app_public.deployment_status, v.t::app_public.deployment_status) as s(n, f, t)
    where s.n <= deploy.moves;
  end loop;
end $$;
`
