-- What the ledger keeps of one change. A set-returning SQL function on purpose: the planner melts it into the insert of the
-- trigger that calls it, so that a statement of fifty thousand rows is one insert and not fifty thousand.
-- Declared stable for that reason; the salts in it are volatile and stay one a row.
-- args are those of the trigger, explained at app_private.audit_arguments. The table's name is among them because TG_TABLE_NAME is a
-- shard's on Citus.
create or replace function audit.version(args text[], operation app_public.audit_action, before jsonb, after jsonb)
  returns table (
    tenant_id uuid, table_name text, row_id uuid, project_id uuid, subject_id uuid, reader_role app_public.member_role,
    action app_public.audit_action, actor_type app_public.actor_type, user_id uuid, api_key_id uuid, actor text,
    session_id uuid, request_id text, snapshot jsonb, diff jsonb, personal jsonb, personal_salt bytea, personal_digest bytea,
    ip inet, user_agent text, origin_salt bytea, origin_digest bytea)
  language sql stable
as $$
  select
    -- What nobody below an owner may read is for its person alone, and of no tenant: a log-in only names one.
    coalesce(case when args[1] <> 'owner' then (f.row ->> 'tenant_id')::uuid end, case when args[0] = 'tenants' then (f.row ->> 'id')::uuid end,
      '00000000-0000-0000-0000-000000000000'),
    args[0], (f.row ->> args[6])::uuid,
    (f.row ->> case when args[0] = 'projects' then 'id' else 'project_id' end)::uuid,
    (f.row ->> args[5])::uuid, args[1]::app_public.member_role, operation,
    coalesce(nullif(current_setting('app.actor_type', true), '')::app_public.actor_type, 'system'), o.user_id,
    nullif(current_setting('app.api_key_id', true), '')::uuid,
    case when o.user_id is null then coalesce(nullif(current_setting('app.actor', true), ''), session_user) end,
    nullif(current_setting('app.session_id', true), '')::uuid, nullif(current_setting('app.request_id', true), ''),
    (f.row || g.snapshot) - (args[2]::text[] || args[4]::text[]), (d.diff || g.diff) - args[4]::text[],
    p.personal, ps.salt, sha256(ps.salt || convert_to(p.personal::text, 'utf8')),
    o.ip, o.user_agent, os.salt, sha256(os.salt || convert_to(jsonb_build_array(o.ip, o.user_agent)::text, 'utf8'))
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
        'snapshot', coalesce(jsonb_object_agg(n.name, f.row -> n.name) filter (where f.row ->> n.name is not null), '{}'),
        'diff', coalesce(jsonb_object_agg(n.name, d.diff -> n.name) filter (where d.diff ? n.name), '{}')),
        '{"diff": {}, "snapshot": {}}')
      from unnest(args[4]::text[]) as n (name)) end as personal) p
  cross join lateral (select case when p.personal is not null then extensions.gen_random_bytes(16) end as salt) ps
  cross join (
    select nullif(current_setting('app.user_id', true), '')::uuid as user_id,
      nullif(current_setting('app.ip', true), '')::inet as ip,
      nullif(current_setting('app.user_agent', true), '') as user_agent) o
  cross join lateral (
    select case when o.ip is not null or o.user_agent is not null then extensions.gen_random_bytes(16) end as salt) os
  where operation <> 'update' or d.diff - args[7]::text[] <> '{}'
$$;
comment on function audit.version(text[], app_public.audit_action, jsonb, jsonb) is
  'The entry of the ledger for one change; none for an update that changes nothing.';
grant execute on function audit.version(text[], app_public.audit_action, jsonb, jsonb) to app_system;
