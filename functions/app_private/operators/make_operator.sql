-- Raises FH404 USER_NOT_FOUND.
-- For who holds the owner's URL: the first operator can be made by nobody else. It is not granted to app_operator, so
-- that an operator who is taken over makes no other.
create or replace function app_private.make_operator(person text, is_operator boolean) returns app_public.users
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user app_public.users;
begin
  v_user := app_private.find_user(make_operator.person);
  update app_public.users u
  set role = case when make_operator.is_operator then 'admin' else 'user' end::app_public.user_role
  where u.id = v_user.id
  returning * into v_user;
  perform app_private.log_audit_event(null,
    case when make_operator.is_operator then 'operator.made' else 'operator.unmade' end, 'user', v_user.id,
    jsonb_build_object('by', session_user));
  return v_user;
end
$$;
comment on function app_private.make_operator(text, boolean) is
  'Makes a person an operator of the platform, or takes it from them; for the owner of the database.';
alter function app_private.make_operator(text, boolean) owner to app_system;
