-- A text that people or programs write has a check by one of four rules, the rule being in its name:
-- <table>_<column>_plain_(name|line|text|url)_check; or a pattern of its own. All checks of a rule are the same.
with
  excused (name, reason) as (values
    ('api_keys.checksum',               'made by the platform'),
    ('api_keys.key_prefix',             'made by the platform'),
    ('audit_logs.action',               'append-only: a check would stop the erasure of rows from before it; '
                                        'audit_event_problem asks app_hidden.line'),
    ('audit_logs.resource_type',        'as its action'),
    ('audit_logs.request_id',           'the server lets nothing through but letters, digits and dashes'),
    ('audit_logs.user_agent',           'a header, kept as it came for whoever looks into an attack'),
    ('deployment_logs.message',         'a line of a log is kept as it was written, escapes included'),
    ('deployment_logs.request_id',      'names a batch, and is shown to nobody'),
    ('deployment_status_history.reason', 'copied from the deployment'),
    ('deployment_status_history.runner', 'copied from the deployment'),
    ('deployments.error_message',       'what a tool wrote when it failed is kept, like a line of the log'),
    ('deployments.ref',                 'a name of git''s, which is not to be altered'),
    ('deployments.repo_url',            'copied from the project'),
    ('deployments.request_id',          'the server lets nothing through but letters, digits and dashes'),
    ('event_types.description',         'written by seeds'),
    ('events.type',                     'written by the platform'),
    ('events.subject_type',             'written by the platform'),
    ('events.request_id',               'the server lets nothing through but letters, digits and dashes'),
    ('idempotency_keys.operation',      'written by the platform'),
    ('project_environments.branch',     'a name of git''s, which is not to be altered'),
    ('projects.container_id',           'written by nobody yet'),
    ('projects.current_version',        'written by nobody yet'),
    ('projects.deployed_url',           'written by nobody yet'),
    ('projects.repository_branch',      'a name of git''s, which is not to be altered'),
    ('projects.repository_url',         'an address for git, which is not to be altered'),
    ('sessions.user_agent',             'a header, kept as it came for whoever looks into an attack'),
    ('tenant_members.name_at_leaving',  'copied from the account'),
    ('tenant_members.username_at_leaving', 'copied from the account'),
    ('webhook_events.source',           'written by the platform'),
    ('webhook_events.event_type',       'the words of the provider, as they were signed'),
    ('webhook_events.unique_request_id', 'the words of the provider, as they were signed'),
    ('webhook_events.outcome',          'written by the platform'),
    ('webhook_events.error',            'written by the platform')
  ),
  texts as (
    select t.name || '.' || a.attname as name, t.name as tab, a.attname as col, t.oid, a.attnum
    from app_private.our_tables t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where t.schema = 'app_public' and a.atttypid = 'text'::regtype
  ),
  checks as (
    select x.name, x.tab, x.col, k.conname, pg_get_expr(k.conbin, k.conrelid) as expression,
      (regexp_match(k.conname, '^' || x.tab || '_' || x.col || '_plain_(name|line|text|url)_check$'))[1] as rule
    from texts x
    join pg_constraint k on k.conrelid = x.oid and k.contype = 'c' and k.conkey = array[x.attnum]
  )
select
  'app_public.' || x.name as offender,
  'nothing says what it may hold' as why,
  format('give it a check %s_%s_plain_(name|line|text|url)_check as the others of its kind have it, or list it in '
    'sql/checks/tables/texts_are_readable.sql with the reason', x.tab, x.col) as mend
from texts x
where x.name not in (select name from excused)
  and not exists (
    select from checks c where c.name = x.name and (c.rule is not null or c.expression like '%~ ''^%'))
union all
select
  'app_public.' || e.name,
  'it is excused and has no need to be',
  'take it out of the list in sql/checks/tables/texts_are_readable.sql'
from excused e
where e.name not in (select x.name from texts x) or e.name in (select c.name from checks c where c.rule is not null)
union all
select
  'app_public.' || c.name || ': ' || c.conname,
  'its rule is not what the others of its kind have',
  'let it be as: ' || u.usual
from checks c
join (
  select o.rule, mode() within group (order by replace(o.expression, o.col, '…')) as usual
  from checks o
  where o.rule is not null
  group by o.rule) u on u.rule = c.rule
where replace(c.expression, c.col, '…') <> u.usual
