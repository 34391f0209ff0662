-- Roles of the cluster and ownership of the database. Run by a superuser, any number of times; the caller
-- puts the passwords into the settings bootstrap.* of its session and holds pg_authid against a twin.
-- Everything that lives inside the database belongs to migrations/, not here.

do $$
declare
  v_database text := current_setting('bootstrap.database');
  v_role     text;
begin
  foreach v_role in array array[
    'freehold_owner', 'freehold_authenticator', 'freehold_worker', 'app_anonymous', 'app_user', 'app_system',
    'app_operator'
  ] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      execute format('create role %I', v_role);
    end if;
  end loop;

  execute format('alter role freehold_owner         login inherit   nobypassrls nosuperuser password %L',
    current_setting('bootstrap.owner_password'));
  execute format('alter role freehold_authenticator login noinherit nobypassrls nosuperuser password %L',
    current_setting('bootstrap.authenticator_password'));
  execute format('alter role freehold_worker        login inherit   nobypassrls nosuperuser password %L',
    current_setting('bootstrap.worker_password'));

  -- Only the owner may hand the definer functions to app_system; nobody else can become it.
  grant app_system to freehold_owner;
  -- Lets the owner give freehold_worker the few functions that may add jobs.
  grant freehold_worker to freehold_owner;
  grant app_anonymous, app_user to freehold_authenticator;
  -- Operators act from a shell that holds the owner's URL, and never through the API.
  grant app_operator to freehold_owner;

  execute format('alter database %I owner to freehold_owner', v_database);
  execute format('revoke all on database %I from public', v_database);
  execute format('grant connect on database %I to freehold_authenticator, freehold_worker', v_database);
  execute format('alter database %I set timezone to ''UTC''', v_database);
end
$$;

-- The schema everybody could write to in older databases.
revoke all on schema public from public;
