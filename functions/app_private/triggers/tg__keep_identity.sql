-- Raises FH422 IDENTITY_IS_FIXED.
create or replace function app_private.tg__keep_identity() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if (to_jsonb(NEW) ->> 'tenant_id') is distinct from (to_jsonb(OLD) ->> 'tenant_id')
    or (to_jsonb(NEW) ->> 'id') is distinct from (to_jsonb(OLD) ->> 'id')
  then
    perform app_hidden.raise_error(422, 'IDENTITY_IS_FIXED', 'A row keeps its tenant and its id');
  end if;
  return NEW;
end
$$;
comment on function app_private.tg__keep_identity() is 'Refuses to move a row to another tenant or id.';
