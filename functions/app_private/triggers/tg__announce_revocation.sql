create or replace function app_private.tg__announce_revocation() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_notify('auth_revoked', TG_ARGV[0] || (to_jsonb(coalesce(NEW, OLD)) ->> TG_ARGV[1]));
  return null;
end
$$;
comment on function app_private.tg__announce_revocation() is
  'Tells the API processes to forget what they know of a session, key, person or tenant. Arguments: prefix, column.';
alter function app_private.tg__announce_revocation() owner to app_system;
