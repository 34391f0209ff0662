create or replace function app_private.tg__set_updated_at() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  NEW.updated_at := now();
  return NEW;
end
$$;
comment on function app_private.tg__set_updated_at() is 'Keeps updated_at, whatever the writer said.';
