-- What the ledger keeps of one change. A set-returning SQL function on purpose: the planner melts it into the insert
-- of the trigger that calls it, so that a statement of fifty thousand rows is one insert and not fifty thousand.
-- Declared stable for that reason; time, id and salts in it are volatile and stay one a row. The columns are those of
-- the ledger, in its order.
-- args are those of the trigger, explained at app_private.audit_arguments. The table's name is among them because
-- TG_TABLE_NAME is a shard's on Citus.
create or replace function audit.describe_change(
  args text[],
  operation app_public.audit_action,
  before jsonb,
  after jsonb
) returns setof audit.row_versions
  language sql stable
as $$
  select
    -- What nobody below an owner may read is for its person alone, and of no tenant: a log-in only names one.
    coalesce(
      case when args[1] <> 'owner' then (f.row ->> 'tenant_id')::uuid end,
      case when args[0] = 'tenants' then (f.row ->> 'id')::uuid end,
      app_hidden.platform_tenant_id()) as tenant_id,
    clock_timestamp() as created_at, uuidv7() as id,
    args[0] as table_name, (f.row ->> args[6])::uuid as row_id,
    (f.row ->> case when args[0] = 'projects' then 'id' else 'project_id' end)::uuid as project_id,
    (f.row ->> args[5])::uuid as subject_id, args[1]::app_public.member_role as reader_role, operation as action,
    coalesce(nullif(current_setting('app.actor_type', true), '')::app_public.actor_type, 'system') as actor_type,
    o.user_id,
    nullif(current_setting('app.api_key_id', true), '')::uuid as api_key_id,
    case when o.user_id is null then
      coalesce(nullif(current_setting('app.actor', true), ''), session_user)
    end as actor,
    nullif(current_setting('app.session_id', true), '')::uuid as session_id,
    nullif(current_setting('app.request_id', true), '') as request_id, pg_current_xact_id() as transaction_id,
    (f.row || g.snapshot) - (args[2]::text[] || args[4]::text[]) as snapshot,
    (d.diff || g.diff) - args[4]::text[] as diff,
    p.personal, ps.salt as personal_salt, sha256(ps.salt || convert_to(p.personal::text, 'utf8')) as personal_digest,
    o.ip, o.user_agent, os.salt as origin_salt,
    sha256(os.salt || convert_to(jsonb_build_array(o.ip, o.user_agent)::text, 'utf8')) as origin_digest
  from (select coalesce(after, before, '{}') as "row") f
  cross join lateral (
    select case when operation <> 'update' then '{}' else coalesce((
      select jsonb_object_agg(b.key, case when b.key = any (args[3]::text[]) then '"[secret]"'::jsonb else b.value end)
      from jsonb_each(before) b
      where after -> b.key <> b.value), '{}') end as diff) d
  cross join lateral (
    select
      case when args[8] <> '{}' then (
        select coalesce(jsonb_object_agg(n.name, audit.digest_of(f.row ->> n.name)), '{}')
        from unnest(args[8]::text[]) n (name)
        where f.row ->> n.name is not null) else '{}' end as snapshot,
      case when args[8] <> '{}' then (
        select coalesce(jsonb_object_agg(n.name, audit.digest_of(d.diff ->> n.name)), '{}')
        from unnest(args[8]::text[]) n (name)
        where d.diff ->> n.name is not null) else '{}' end as diff) g
  cross join lateral (
    select case when args[4] <> '{}' then (
      select nullif(jsonb_build_object(
        'snapshot',
        coalesce(jsonb_object_agg(n.name, f.row -> n.name) filter (where f.row ->> n.name is not null), '{}'),
        'diff',
        coalesce(jsonb_object_agg(n.name, d.diff -> n.name) filter (where d.diff ? n.name), '{}')),
        '{"diff": {}, "snapshot": {}}')
      from unnest(args[4]::text[]) as n (name)) end as personal) p
  cross join lateral (select case when p.personal is not null then extensions.gen_random_bytes(16) end as salt) ps
  cross join (
    select nullif(current_setting('app.user_id', true), '')::uuid as user_id,
      nullif(current_setting('app.ip', true), '')::inet as ip,
      app_hidden.current_user_agent() as user_agent) o
  cross join lateral (
    select case when o.ip is not null or o.user_agent is not null then extensions.gen_random_bytes(16) end as salt) os
  where operation <> 'update' or d.diff - args[7]::text[] <> '{}'
$$;
comment on function audit.describe_change(text[], app_public.audit_action, jsonb, jsonb) is
  'The entry of the ledger for one change; none for an update that changes nothing.';
grant execute on function audit.describe_change(text[], app_public.audit_action, jsonb, jsonb) to app_system;
