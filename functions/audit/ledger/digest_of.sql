create or replace function audit.digest_of(value text) returns jsonb
  language sql stable parallel safe
as $$
  select jsonb_build_object('sha256', encode(sha256(convert_to(value, 'utf8')), 'hex'), 'length', length(value))
$$;
comment on function audit.digest_of(text) is
  'What the ledger keeps of a value that it does not hold: SHA-256 of its text in UTF-8, and its length in characters.';
grant execute on function audit.digest_of(text) to app_system;
