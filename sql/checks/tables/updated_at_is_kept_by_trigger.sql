select
  t.full_name as offender,
  'it has updated_at and no trigger _100_set_updated_at before update for each row' as why,
  format('sql/triggers/%s/%s.sql: create or replace trigger _100_set_updated_at before update on %s for each row '
    'execute function app_private.tg__set_updated_at();', t.schema, t.name, t.full_name) as mend
from app_private.our_tables t
join pg_attribute a on a.attrelid = t.oid and a.attname = 'updated_at' and not a.attisdropped and a.attgenerated = ''
where not t.is_partition
  and not exists (
    select
    from pg_trigger g
    where g.tgrelid = t.oid and g.tgname = '_100_set_updated_at' and g.tgenabled = 'O' and g.tgqual is null
      and cardinality(g.tgattr::int2[]) = 0
      and g.tgtype = 1 | 2 | 16 -- each row, before, update
      and g.tgfoid = 'app_private.tg__set_updated_at()'::regprocedure)
