select c.oid::regclass::text as offender, 'it has no primary key' as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
  and not exists (select from pg_index k where k.indrelid = c.oid and k.indisprimary)
