-- Errors and the API read them. A name that PostgreSQL made up ends in a digit, or begins with another table.
with names (offender, name, pattern) as (
  select k.conrelid::regclass::text || '.' || k.conname, k.conname,
    '^' || c.relname || case k.contype
      when 'p' then '_pkey' when 'u' then '_[a-z_]+_key' when 'f' then '_[a-z_]+_fkey' when 'c' then '_[a-z_]+_check' else '_[a-z_]+_excl'
    end || '$'
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid and not c.relispartition
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and k.contype in ('p', 'u', 'f', 'c', 'x')
  union all
  select i.indexrelid::regclass::text, x.relname, '^' || c.relname || case when i.indisunique then '_[a-z_]+_key$' else '_[a-z_]+_idx$' end
  from pg_index i
  join pg_class x on x.oid = i.indexrelid
  join pg_class c on c.oid = i.indrelid and not c.relispartition
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
  union all
  select t.oid::regtype::text || '.' || k.conname, k.conname, '^' || t.typname || '(_[a-z_]+)?_check$'
  from pg_constraint k
  join pg_type t on t.oid = k.contypid
  join pg_namespace n on n.oid = t.typnamespace
  where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and k.contype = 'c'
)
select offender, 'its name is not <table>_<columns>_{pkey,key,fkey,check,excl,idx}' as why
from names
where name !~ pattern
