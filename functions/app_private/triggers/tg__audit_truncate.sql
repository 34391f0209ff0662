create or replace function app_private.tg__audit_truncate() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.row_versions
  select v.*
  from audit.describe_change(TG_ARGV, 'truncate', null, null) v;
  return null;
end
$$;
comment on function app_private.tg__audit_truncate() is 'Appends to the ledger that a table was emptied.';
alter function app_private.tg__audit_truncate() owner to app_system;
