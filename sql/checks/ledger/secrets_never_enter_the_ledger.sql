-- By the names that secrets have. What is one all the same must be said in sql/tables.sql.
with
  harmless (name, reason) as (values
    ('app_private.user_secrets.password_changed_at', 'a time'),
    ('app_private.user_secrets.user_id',             'an id'),
    ('app_public.users.two_factor_enabled',          'yes or no')
  ),
  audited as (
    select distinct t.tgrelid,
      (string_to_array(replace(encode(t.tgargs, 'escape'), '\000', chr(31)), chr(31)))[4]::text[] as secret
    from pg_trigger t
    join pg_proc f on f.oid = t.tgfoid
    where f.proname = 'tg__audit_update'
  )
select
  a.tgrelid::regclass::text || '.' || c.attname as offender,
  'it is named like a secret, and the ledger would keep it' as why,
  format('sql/tables.sql: name %s among the secret columns of %s; or, if it is none, list it in '
    'sql/checks/ledger/secrets_never_enter_the_ledger.sql with the reason', c.attname, a.tgrelid::regclass) as mend
from audited a
join pg_attribute c on c.attrelid = a.tgrelid and c.attnum > 0 and not c.attisdropped
where (c.attname ~ '(secret|password|token|hash|salt|seed|private_key)' or c.atttypid = 'bytea'::regtype)
  and c.attgenerated = ''
  and not c.attname = any (a.secret)
  and a.tgrelid::regclass::text || '.' || c.attname not in (select name from harmless)
