-- Declared in sql/triggers/audit.sql. A virtual column added later must be known to the trigger, which does not see it.
with
  excused (name, reason) as (values
    ('app_private.applied_sources',          'a ledger itself, of sources'),
    ('app_private.api_key_directory',        'hashes of keys; the keys themselves are audited'),
    ('app_private.session_tokens',           'hashes of tokens; the sessions themselves are audited'),
    ('app_private.invitation_directory',     'hashes of tokens; the invitations themselves are audited'),
    ('app_private.webhook_source_directory', 'two ids; the sources themselves are audited'),
    ('app_private.user_tokens',              'hashes of one-time tokens'),
    ('app_private.rate_limits',              'counters'),
    ('app_private.emails',                   'an outbox of one-time tokens'),
    ('app_private.undispatched_events',      'a queue'),
    ('app_private.deployment_log_sequences', 'counters'),
    ('app_private.audit_event_ids',          'ids of what is logged already'),
    ('app_public.idempotency_keys',          'answers to retries'),
    ('app_public.event_types',               'written by seeds alone'),
    ('app_public.events',                    'append-only'),
    ('app_public.deployment_status_history', 'append-only'),
    ('app_public.deployment_logs',           'append-only'),
    ('app_public.audit_logs',                'append-only'),
    ('app_public.webhook_events',            'an inbox: raw bytes of others, kept whole'),
    ('audit.row_versions',                   'the ledger'),
    ('audit.seals',                          'append-only'),
    ('audit.erasures',                       'append-only')
  ),
  triggers as (
    select t.tgrelid, f.proname, t.tgargs,
      string_to_array(replace(encode(t.tgargs, 'escape'), '\000', chr(31)), chr(31)) as args
    from pg_trigger t
    join pg_proc f on f.oid = t.tgfoid
    join pg_namespace n on n.oid = f.pronamespace
    where n.nspname = 'app_private' and f.proname like 'tg\_\_audit\_%' and t.tgenabled = 'O'
  )
select
  t.full_name as offender,
  'not audited: its ' || string_agg(op.name || 's', ', ' order by op.place) as why,
  format('sql/triggers/audit.sql: declare %s there, and touch the file; or list it in '
    'sql/checks/ledger/every_table_is_audited_or_excused.sql with the reason', t.full_name) as mend
from app_private.our_tables t
cross join (values (1, 'insert'), (2, 'update'), (3, 'delete'), (4, 'truncate')) op (place, name)
where t.schema <> 'partitions' and t.full_name not in (select name from excused)
  and not exists (select from triggers g where g.tgrelid = t.oid and g.proname = 'tg__audit_' || op.name)
group by t.full_name
union all
select
  t.full_name,
  'it is excused, and audited all the same',
  'take it out of the list in sql/checks/ledger/every_table_is_audited_or_excused.sql'
from app_private.our_tables t
join triggers g on g.tgrelid = t.oid
where t.full_name in (select name from excused)
union all
select
  t.full_name || '.' || a.attname,
  'a virtual column that ' || g.proname || ' does not know, since triggers are not told of it',
  'touch sql/triggers/audit.sql: it names the virtual columns when it is applied'
from app_private.our_tables t
join triggers g on g.tgrelid = t.oid
join pg_attribute a on a.attrelid = t.oid and a.attgenerated = 'v' and not a.attisdropped
where not a.attname = any (g.args[3]::text[])
