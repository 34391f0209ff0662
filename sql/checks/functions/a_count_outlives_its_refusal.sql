-- What a function counted is undone when the transaction fails. So whoever counts (calls take_rate_limit, or what does)
-- raises nothing after that, itself or through what it calls: it returns its refusal, by app_hidden.refusal.
-- Bodies are read as text, without comments and literals, from top to bottom; of overloads all count. What a trigger
-- or a constraint refuses is not seen here: it is for the function to ask before it counts.
with recursive
  excused (name, reason) as (values
    ('app_private.authenticate', 'the count is that of a key, and what may raise after it is for sessions'),
    ('app_private.authenticate_api_key',
      'the raise takes back the one that was too many, and the limit stays reached; a key used up is of no use'),
    ('app_public.erase_user',
      'what raises comes after a right password, whose count is given back; an erasure that failed is none')
  ),
  harmless (name, reason) as (values
    ('app_private.current_keyring', 'raises when what the server lent is no key ring, which no caller brings about'),
    ('app_private.derive_key', 'raises when the server lacks its master key, which no caller brings about'),
    ('app_private.decrypt_secret', 'raises for a secret that was damaged, which no caller brings about')
  ),
  bodies as (
    select (s.name || '.' || f.proname)::text collate "default" as name, string_agg(
      regexp_replace(regexp_replace(f.prosrc, '--[^\n]*', '', 'g'), '''(?:[^'']|'''')*''', '''''', 'g'), ' ') as body
    from pg_proc f
    join app_private.our_schemas s on s.oid = f.pronamespace
    where f.prorettype <> 'trigger'::regtype
    group by 1
  ),
  calls as (
    select b.name as caller, m.call[1] as callee, m.place
    from bodies b
    cross join lateral (
      select c.call, regexp_instr(b.body, '\m(app_[a-z]+|audit)[.][a-z_0-9]+\s*[(]', 1, c.number::integer) as place
      from regexp_matches(b.body, '\m((?:app_[a-z]+|audit)[.][a-z_0-9]+)\s*[(]', 'g')
        with ordinality c (call, number)) m
  ),
  counting (name) as (
    select 'app_private.take_rate_limit'
    union
    select c.caller from calls c join counting n on n.name = c.callee
  ),
  raising (name) as (
    select b.name from bodies b
    where b.body ~* '\mraise\M(?!\s+(debug|log|info|notice|warning)\M)' and b.name not in (select name from harmless)
    union
    select c.caller from calls c join raising r on r.name = c.callee
    where c.caller not in (select name from harmless)
  ),
  places as (
    select c.caller, c.callee, c.place, min(c.place) filter (where c.callee in (select name from counting))
      over (partition by c.caller) as first_count
    from calls c
  )
select
  p.caller as offender,
  format('it counts, and may raise after that: %s', string_agg(distinct p.callee, ', ' order by p.callee)) as why,
  'call that before anything is counted, or return the refusal (app_hidden.refusal); if nothing is lost by it, list '
    'the function in sql/checks/functions/a_count_outlives_its_refusal.sql with the reason' as mend
from places p
join raising r on r.name = p.callee
where p.place > p.first_count and p.caller not in (select name from excused)
group by p.caller
