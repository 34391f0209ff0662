-- Once a row: the old and new rows of a statement come in two tables that nothing pairs but a join.
create or replace function app_private.tg__audit_update() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.row_versions
  select v.*
  from audit.describe_change(TG_ARGV, 'update', to_jsonb(OLD), to_jsonb(NEW)) v;
  return null;
end
$$;
comment on function app_private.tg__audit_update() is
  'Appends a changed row to the ledger; a change that changes nothing is left out.';
alter function app_private.tg__audit_update() owner to app_system;
