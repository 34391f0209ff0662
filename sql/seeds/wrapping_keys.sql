-- What key rings are wrapped with; made once, here.
do $$
begin
  set local role app_system;
  insert into app_private.wrapping_keys (key)
  select extensions.gen_random_bytes(64) where not exists (select from app_private.wrapping_keys);
  reset role;
end
$$;
