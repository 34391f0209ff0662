create or replace function app_private.tg__audit_insert() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.row_versions
  select v.*
  from inserted i, audit.describe_change(TG_ARGV, 'insert', null, to_jsonb(i)) v;
  return null;
end
$$;
comment on function app_private.tg__audit_insert() is 'Appends inserted rows to the ledger, once a statement.';
alter function app_private.tg__audit_insert() owner to app_system;
