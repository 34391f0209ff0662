-- Roles of the cluster and ownership of the database. Run by a superuser, any number of times; the caller
-- puts the passwords into the settings bootstrap.* of its session and holds pg_authid against a twin.
-- By hand, in the database that Freehold is to have, with the passwords of the URLs that it is given:
--   PGOPTIONS="-c bootstrap.database=$PGDATABASE -c bootstrap.owner_password=… -c bootstrap.authenticator_password=…
--   -c bootstrap.worker_password=…" psql --single-transaction --file sql/bootstrap/roles.sql
-- Where a server differs from what stands here is told by sql/views/app_private/role_drift.sql.
-- Everything that lives inside the database belongs to migrations/, not here.

do $$
declare
  v_database text := current_setting('bootstrap.database');
  v_role     text;
  v_setting  text;
  v_member   record;
begin
  foreach v_role in array array[
    'freehold_owner', 'freehold_authenticator', 'freehold_worker', 'app_anonymous', 'app_user', 'app_system',
    'app_operator'
  ] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      execute format('create role %I', v_role);
    end if;
    execute format('alter role %I %s nosuperuser nobypassrls nocreatedb nocreaterole noreplication connection limit -1 '
      'valid until ''infinity''', v_role,
      case v_role
        when 'freehold_authenticator' then 'login noinherit'
        when 'freehold_owner' then 'login inherit'
        when 'freehold_worker' then 'login inherit'
        else 'nologin inherit password null' end);
    -- What is set for them is said below; the rest of what they need comes with the connection.
    execute format('alter role %I reset all', v_role);
    execute format('alter role %I in database %I reset all', v_role, v_database);
  end loop;

  foreach v_role in array array['owner', 'authenticator', 'worker'] loop
    v_setting := current_setting('bootstrap.' || v_role || '_password');
    execute format('alter role %I password %L', 'freehold_' || v_role, v_setting);
  end loop;

  -- Memberships that are not listed below, or may be handed on, go.
  for v_member in
    select m.roleid::regrole as role, m.member::regrole as member, m.grantor::regrole as grantor
    from pg_catalog.pg_auth_members m
    where array[m.roleid, m.member] && array[
        'freehold_owner', 'freehold_authenticator', 'freehold_worker', 'app_anonymous', 'app_user', 'app_system',
        'app_operator'
      ]::regrole[]::oid[]
      and (m.admin_option or (m.roleid::regrole::text, m.member::regrole::text) not in (
        ('app_system', 'freehold_owner'), ('freehold_worker', 'freehold_owner'), ('app_operator', 'freehold_owner'),
        ('app_anonymous', 'freehold_authenticator'), ('app_user', 'freehold_authenticator'),
        ('pg_read_all_stats', 'app_system')))
      and not exists (select from pg_catalog.pg_roles s where s.oid = m.member and s.rolsuper)
  loop
    execute format('revoke %s from %s granted by %s cascade', v_member.role, v_member.member, v_member.grantor);
  end loop;
  -- Only the owner may hand the definer functions to app_system; nobody else can become it.
  grant app_system to freehold_owner;
  -- Lets the owner give freehold_worker the few functions that may add jobs.
  grant freehold_worker to freehold_owner;
  grant app_anonymous, app_user to freehold_authenticator;
  -- Operators act from a shell that holds the owner's URL, and never through the API.
  grant app_operator to freehold_owner;

  -- No transaction of a process of ours holds back the others' work for longer: seals, vacuum, the outbox. Migrations
  -- take what they need.
  alter role freehold_authenticator set transaction_timeout to '5min';
  alter role freehold_worker        set transaction_timeout to '5min';
  alter role freehold_authenticator set idle_in_transaction_session_timeout to '1min';
  alter role freehold_worker        set idle_in_transaction_session_timeout to '1min';
  alter role freehold_owner         set idle_in_transaction_session_timeout to '15min';
  -- For measure_lag, which tells since when whose transactions are open.
  grant pg_read_all_stats to app_system;

  execute format('alter database %I owner to freehold_owner', v_database);
  execute format('revoke all on database %I from public', v_database);
  execute format('grant connect on database %I to freehold_authenticator, freehold_worker', v_database);
  execute format('alter database %I set timezone to ''UTC''', v_database);
end
$$;

-- The schema everybody could write to in older databases.
revoke all on schema public from public;

-- Open to everybody from birth: large objects, which no policy walls off and no limit bounds, and messages in the log
-- of the whole server. Only a superuser may take them back.
do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select f.oid
    from pg_catalog.pg_proc f
    where f.pronamespace = 'pg_catalog'::regnamespace
      and (f.proname ~ '^lo_' or f.proname in ('loread', 'lowrite', 'pg_logical_emit_message'))
  loop
    execute format('revoke execute on function %s from public', v_function);
  end loop;
end
$$;
