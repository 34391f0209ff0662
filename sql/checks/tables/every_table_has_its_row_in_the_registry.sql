-- A fact about a table stands in sql/tables.sql and nowhere else, so nothing may be missing there, misspelt or
-- contradictory.
with
  tables as (
    select t.oid, t.full_name as name, c.relkind = 'p' as is_partitioned
    from app_private.our_tables t
    join pg_class c on c.oid = t.oid
    where t.schema <> 'partitions'
  ),
  registry as (
    select r.*, t.oid, t.is_partitioned,
      t.oid in (select oid from app_private.tenant_tables) as is_tenant_first
    from app_private.table_registry r
    left join tables t on t.name = r.table_name
  )
select t.name as offender, 'the registry does not know it' as why, 'give it its row in sql/tables.sql' as mend
from tables t
where t.name not in (select r.table_name from registry r)
union all
select r.table_name, 'the registry knows it, and there is no such table',
  'take its row out of sql/tables.sql, or correct the name'
from registry r
where r.oid is null
union all
select r.table_name, 'the registry has it twice', 'leave one row in sql/tables.sql'
from registry r
group by r.table_name
having count(*) > 1
union all
select r.table_name || ' ' || k.name, 'there is no such fact',
  'correct its name in sql/tables.sql: the view''s columns are the facts'
from registry r
cross join lateral jsonb_object_keys(r.facts) k (name)
where not exists (
  select from pg_attribute a
  where a.attrelid = 'app_private.table_registry'::regclass and a.attname = k.name)
union all
select r.table_name || ' ' || k.fact || '.' || k.name, 'there is no such fact', 'correct its name in sql/tables.sql'
from registry r
cross join lateral (
  select 'partition', n, array['column', 'every', 'ahead'] from jsonb_object_keys(r.partition) n
  union all
  select 'revert', n, array['order', 'columns', 'refuses'] from jsonb_object_keys(r.revert) n
  union all
  select 'named_people', n, array['column', 'address', 'names', 'paths'] from jsonb_object_keys(r.named_people) n
) k (fact, name, known)
where k.name <> all (k.known)
union all
select r.table_name,
  'its trigger _100_collect_addresses was compiled from other facts than the registry has now',
  'run npm run db:apply -- --force; rows that are there already need their person_addresses made anew in a migration'
from registry r
where r.named_people is not null and not exists (
  select from pg_trigger g
  where g.tgrelid = r.oid and g.tgname = '_100_collect_addresses' and g.tgenabled = 'O'
    and g.tgargs = convert_to(r.named_people::text, 'utf8') || '\x00'::bytea)
union all
select r.table_name || '.' || n.name, 'the registry names this column, and the table has none of that name',
  'correct it in sql/tables.sql'
from registry r
cross join lateral (
  select unnest(r.secret || r.personal || r.digest || r.quiet || r.export_without || r.revert_keeps || r.revert_refuses
    || array[r.person, r.partition ->> 'column', r.named_people ->> 'column',
      case when r.readers is not null then r.row_key end])
  union all
  select jsonb_object_keys(r.erased)) n (name)
where r.oid is not null and n.name is not null and not exists (
  select from pg_attribute a where a.attrelid = r.oid and a.attname = n.name and not a.attisdropped)
union all
select r.table_name, 'its tenancy is said to be ' || r.tenancy || ', and its primary key '
    || case when r.is_tenant_first then 'begins' else 'does not begin' end || ' with tenant_id',
  'correct tenancy in sql/tables.sql (tenant, directory, reference, global), or the key'
from registry r
where r.oid is not null
  and (r.tenancy not in ('tenant', 'directory', 'reference', 'global') or (r.tenancy = 'tenant') <> r.is_tenant_first)
union all
select r.table_name, f.why, 'give one of the two in sql/tables.sql'
from registry r
cross join lateral (values
  (num_nonnulls(r.readers, r.not_audited), 'neither readers nor not_audited is given, or both'),
  (case when r.readers is not null then num_nonnulls(r.erase, r.not_erased) else 1 end,
    'it is audited, and neither erase nor not_erased is given, or both'),
  (case when r.readers is not null then num_nonnulls(r.export, r.not_exported) else 1 end,
    'it is audited, and neither export nor not_exported is given, or both'),
  (case when r.readers is not null then num_nonnulls(r.revert, r.not_reverted) else 1 end,
    'it is audited, and neither revert nor not_reverted is given, or both')
) f (given, why)
where f.given <> 1
union all
select r.table_name, f.why, 'correct it in sql/tables.sql'
from registry r
cross join lateral (values
  (r.erase not in ('delete', 'blank'), 'erase is delete or blank'),
  ((r.erase is not null or r.export is not null) and r.person is null,
    'erasure and export need to know whose a row is: person is missing'),
  (r.personal <> '{}' and r.erase is null, 'it has personal columns, and erasure leaves them'),
  (r.erase = 'blank' and r.personal = '{}', 'erasure is to blank it, and it has no personal columns'),
  (r.revert is not null and not r.revert ? 'order', 'a revert needs to know its order'),
  ((r.partition is not null) <> r.is_partitioned,
    'it is partitioned and the registry does not say so, or the other way round'),
  (r.partition is not null and (r.partition ->> 'column' is null or r.partition ->> 'every' is distinct from '1 month'
      or (r.partition ->> 'ahead')::integer between 1 and 24 is not true),
    'partition needs column, every (1 month) and ahead (1 to 24)'),
  (r.named_people is not null and (r.named_people ->> 'column' is null or r.named_people ->> 'address' is null
      or jsonb_typeof(r.named_people -> 'names') is distinct from 'array'
      or jsonb_path_exists(r.named_people, '$.paths[*][*] ? (@.type() != "string")')
      or not jsonb_path_exists(r.named_people, 'strict $.paths[0][0]', silent => true)),
    'named_people needs column, address, names and paths, which are lists of strings'),
  (exists (
      select from app_private.table_registry o
      where o.table_name <> r.table_name and o.revert ->> 'order' = r.revert ->> 'order'),
    'another table has the same order in a revert'),
  (r.person is not null and r.erase is null and r.not_erased is null,
    'it is about a person, and neither erase nor not_erased is given')
) f (is_broken, why)
where r.oid is not null and f.is_broken
union all
select r.table_name || '.' || a.attname, 'erasure can not blank it: it may not be null and has no default',
  'say in erased (sql/tables.sql) what it becomes'
from registry r
join pg_attribute a on a.attrelid = r.oid and a.attname = any (r.personal) and a.attgenerated = ''
where r.erase = 'blank' and a.attnotnull and not a.atthasdef and not r.erased ? a.attname
