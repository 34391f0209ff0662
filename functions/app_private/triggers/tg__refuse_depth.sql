-- Raises FH400 JSON_TOO_DEEP. The trigger's own condition looks, so that this runs only to refuse. A trigger and no
-- check: a row of before that is too deep would else refuse every change, and that of its counters first.
create or replace function app_private.tg__refuse_depth() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_hidden.raise_error(400, 'JSON_TOO_DEEP', 'A JSON value is nested more than 200 levels deep');
  return null;
end
$$;
comment on function app_private.tg__refuse_depth() is
  'Refuses a document so deep that nobody could write it out again.';
