-- Raises FH422 APPEND_ONLY. A migration may: .gmrc sets app.migration for its session.
create or replace function app_private.tg__refuse_change() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if current_setting('app.migration', true) = 'on' and session_user = 'freehold_owner' then
    return coalesce(NEW, OLD);
  end if;
  perform app_hidden.raise_error(422, 'APPEND_ONLY', TG_ARGV[0] || ' are append-only');
  return null;
end
$$;
comment on function app_private.tg__refuse_change() is
  'Refuses every update, delete and truncate of an append-only table, its owner''s too. Argument: its name.';
