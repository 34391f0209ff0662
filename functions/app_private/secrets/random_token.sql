create or replace function app_private.random_token(prefix text) returns text
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select random_token.prefix || encode(extensions.gen_random_bytes(32), 'hex')
$$;
comment on function app_private.random_token(text) is '256 random bits in hex behind a prefix.';
alter function app_private.random_token(text) owner to app_system;
