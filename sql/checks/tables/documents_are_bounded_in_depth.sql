-- Whoever writes a document out again goes down as deep as it is, and PostgreSQL stores thousands of levels.
with excused (name, reason) as (values
  ('app_public.events.data', 'made by our own functions'),
  ('app_public.webhook_events.payload', 'receive_webhook looks, once and not at every update'),
  ('app_public.webhook_events.headers', 'texts by name'),
  ('app_public.idempotency_keys.response', 'made by our own functions, shown to nobody')
)
select
  t.full_name || '.' || a.attname as offender,
  'it takes a document of any depth, and a deep one can not be shown' as why,
  format('migrations/current.sql: alter table %1$s add constraint %2$s_depth_check check (not '
    'jsonb_path_exists(%3$I, ''$.**{201}'')) not valid;', t.full_name, t.name, a.attname) as mend
from app_private.our_tables t
join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
where t.schema = 'app_public' and not t.is_partition
  and a.atttypid in ('json'::regtype, 'jsonb'::regtype) and a.attgenerated = ''
  and t.full_name || '.' || a.attname not in (select name from excused)
  and not exists (
    select from pg_constraint c
    where c.conrelid = t.oid and c.contype = 'c'
      and position(format('jsonb_path_exists(%I, ''$.**{201}''::jsonpath)', a.attname)
        in pg_get_constraintdef(c.oid)) > 0)
