select f.conrelid::regclass::text || '.' || f.conname as offender, 'on delete is not said' as why
from pg_constraint f
join pg_namespace n on n.oid = f.connamespace
where f.contype = 'f' and f.conparentid = 0 and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and f.confdeltype = 'a'
