select
  t.full_name as offender,
  'it can be updated, and no trigger _200_keep_identity keeps tenant_id and id' as why,
  format('sql/triggers/%s/%s.sql: create or replace trigger _200_keep_identity before update of tenant_id, id on %s '
    'for each row execute function app_private.tg__keep_identity();', t.schema, t.name, t.full_name) as mend
from app_private.tenant_tables t
where not t.is_partition
  and exists (select from pg_attribute a where a.attrelid = t.oid and a.attname = 'id' and not a.attisdropped)
  and (has_any_column_privilege('app_user', t.oid, 'update')
    or has_any_column_privilege('freehold_worker', t.oid, 'update'))
  and not exists (
    select from pg_trigger g
    where g.tgrelid = t.oid and g.tgname = '_200_keep_identity' and g.tgenabled = 'O'
      and g.tgfoid = 'app_private.tg__keep_identity()'::regprocedure)
