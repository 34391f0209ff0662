-- What every other law on tenants rests on: a table is either in app_private.tenant_tables, or excused here.
with excused (name, reason) as (values
  ('app_public.sessions',                  'global: of a person; remembers which tenant was chosen last'),
  ('app_private.invitation_directory',     'directory: a token must be found before its tenant is known'),
  ('app_private.api_key_directory',        'directory: a key must be found before its tenant is known'),
  ('app_private.webhook_source_directory', 'directory: the sender names only the source')
)
select
  t.full_name as offender,
  'it has tenant_id, but its primary key does not begin with it' as why,
  format('migrations/current.sql: constraint %s_pkey primary key (tenant_id, …); or, if it is global or a directory, '
    'list it in sql/checks/tenancy/a_table_with_a_tenant_begins_its_primary_key_with_it.sql with the reason',
    t.name) as mend
from app_private.our_tables t
join pg_attribute a on a.attrelid = t.oid and a.attname = 'tenant_id' and not a.attisdropped
join pg_index k on k.indrelid = t.oid and k.indisprimary
where t.oid not in (select oid from app_private.tenant_tables) and t.full_name not in (select name from excused)
