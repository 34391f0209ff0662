-- Raises FH404 USER_NOT_FOUND.
create or replace function app_private.find_user(name text) returns app_public.users
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_id   uuid;
  v_user app_public.users;
begin
  -- Not a case inside the query: its planner would cast an address to uuid before it asks whether it may.
  if pg_input_is_valid(find_user.name, 'uuid') then
    v_id := find_user.name::uuid;
  end if;
  select u.* into v_user
  from app_public.users u
  where u.deleted_at is null
    and (u.id = v_id or u.email = lower(trim(find_user.name)))
  for no key update;
  if v_user.id is null then
    perform app_hidden.raise_error(404, 'USER_NOT_FOUND', 'No such person');
  end if;
  return v_user;
end
$$;
comment on function app_private.find_user(text) is 'An account that is not closed, by address or id, locked.';
alter function app_private.find_user(text) owner to app_system;
