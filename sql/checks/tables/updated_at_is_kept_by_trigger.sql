select c.oid::regclass::text as offender, 'it has updated_at and no trigger _100_set_updated_at before update for each row' as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attname = 'updated_at' and not a.attisdropped and a.attgenerated = ''
where c.relkind in ('r', 'p') and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and not c.relispartition
  and not exists (
    select
    from pg_trigger t
    where t.tgrelid = c.oid and t.tgname = '_100_set_updated_at' and t.tgenabled = 'O' and t.tgqual is null and cardinality(t.tgattr::int2[]) = 0
      and t.tgtype = 1 | 2 | 16 -- each row, before, update
      and t.tgfoid = 'app_private.tg__set_updated_at()'::regprocedure)
