-- Errors and the API read them. A name that PostgreSQL made up ends in a digit, or begins with another table.
with names (offender, name, pattern, rename) as (
  select k.conrelid::regclass::text || '.' || k.conname, k.conname,
    '^' || t.name || case k.contype
      when 'p' then '_pkey'
      when 'u' then '_[a-z_]+_key'
      when 'f' then '_[a-z_]+_fkey'
      when 'c' then '_[a-z_]+_check'
      else '_[a-z_]+_excl'
    end || '$',
    format('alter table %s rename constraint %I to', t.full_name, k.conname)
  from pg_constraint k
  join app_private.our_tables t on t.oid = k.conrelid and not t.is_partition
  where k.contype in ('p', 'u', 'f', 'c', 'x')
  union all
  select i.indexrelid::regclass::text, x.relname,
    '^' || c.relname || case when i.indisunique then '_[a-z_]+_key$' else '_[a-z_]+_idx$' end,
    format('alter index %s rename to', i.indexrelid::regclass)
  from pg_index i
  join pg_class x on x.oid = i.indexrelid
  join pg_class c on c.oid = i.indrelid and not c.relispartition
  join app_private.our_schemas s on s.oid = c.relnamespace
  where not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
  union all
  select t.oid::regtype::text || '.' || k.conname, k.conname, '^' || t.typname || '(_[a-z_]+)?_check$',
    format('alter domain %s rename constraint %I to', t.oid::regtype, k.conname)
  from pg_constraint k
  join pg_type t on t.oid = k.contypid
  join app_private.our_schemas s on s.oid = t.typnamespace
  where k.contype = 'c'
)
select
  offender,
  'its name is not <table>_<columns>_{pkey,key,fkey,check,excl,idx}' as why,
  format('write the name where it is made; what is committed already: %s %s; in migrations/current.sql', rename,
    replace(regexp_replace(trim(both '^$' from pattern), '[(].*[)][?]', ''), '[a-z_]+', '<columns>')) as mend
from names
where name !~ pattern
