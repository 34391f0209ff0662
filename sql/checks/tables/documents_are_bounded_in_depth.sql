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
  format('sql/triggers/%1$s/%2$s.sql: create or replace trigger _200_refuse_depth before insert or update of %3$I on '
    '%1$s.%2$s for each row when (jsonb_path_exists(NEW.%3$I, ''$.**{201}'')) execute function '
    'app_private.tg__refuse_depth();', t.schema, t.name, a.attname) as mend
from app_private.our_tables t
join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
where t.schema = 'app_public' and not t.is_partition
  and a.atttypid in ('json'::regtype, 'jsonb'::regtype) and a.attgenerated = ''
  and t.full_name || '.' || a.attname not in (select name from excused)
  and not exists (
    select from pg_trigger g
    where g.tgrelid = t.oid and g.tgname = '_200_refuse_depth' and g.tgenabled = 'O'
      and a.attnum = any (g.tgattr::int2[])
      and position(format('jsonb_path_exists(new.%I, ''$.**{201}''::jsonpath)', a.attname)
        in pg_get_triggerdef(g.oid)) > 0)
