-- What every other law on tenants rests on: a table is either known by its key to belong to tenants, or excused here.
with excused (name, reason) as (values
  ('app_public.sessions',                  'global: of a person; remembers which tenant was chosen last'),
  ('app_private.invitation_directory',     'directory: a token must be found before its tenant is known'),
  ('app_private.api_key_directory',        'directory: a key must be found before its tenant is known'),
  ('app_private.webhook_source_directory', 'directory: the sender names only the source')
)
select c.oid::regclass::text as offender, 'it has tenant_id, but its primary key does not begin with it' as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
join pg_index k on k.indrelid = c.oid and k.indisprimary
where c.relkind in ('r', 'p') and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
  and k.indkey[0] <> a.attnum
  and n.nspname || '.' || c.relname not in (select name from excused)
