create or replace function app_private.is_password_of(user_id uuid, password text) returns boolean
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_hash text;
begin
  select s.password_hash into v_hash
  from app_private.user_secrets s
  where s.user_id = is_password_of.user_id;
  -- An unknown person costs the same bcrypt as a known one.
  return app_private.constant_time_equals(
      convert_to(extensions.crypt(left(coalesce(is_password_of.password, ''), 72),
        coalesce(v_hash, '$2a$10$WCcKQ5oIvIWnFA0E8rXV7uMvQGfPj3xWnSh8V3mpZzzpLCrDwD8ha')), 'utf8'),
      convert_to(coalesce(v_hash, ''), 'utf8'));
end
$$;
comment on function app_private.is_password_of(uuid, text) is
  'Whether the password is theirs; takes as long for nobody as for somebody.';
alter function app_private.is_password_of(uuid, text) owner to app_system;
