-- A digest, since people type their password where the address goes.
create or replace function app_private.login_subject(email text, origin text default '') returns text
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select encode(sha256(convert_to(login_subject.email || ' ' || login_subject.origin, 'utf8')), 'hex')
$$;
comment on function app_private.login_subject(text, text) is
  'By what log-ins to an address are counted, known or not: from one origin, or from everywhere.';
grant execute on function app_private.login_subject(text, text) to app_system;
