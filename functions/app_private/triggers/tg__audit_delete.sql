create or replace function app_private.tg__audit_delete() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.row_versions
  select v.*
  from deleted d, audit.describe_change(TG_ARGV, 'delete', to_jsonb(d), null) v;
  return null;
end
$$;
comment on function app_private.tg__audit_delete() is 'Appends deleted rows to the ledger, once a statement.';
alter function app_private.tg__audit_delete() owner to app_system;
