-- Raises FH422 APPEND_ONLY. Arguments: name of the table, columns that erasure may empty.
-- Erasure is told from a change by what it does, not by who says so: those columns may become null (or {}), nothing
-- else may change.
create or replace function app_private.tg__refuse_change_but_erasure() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_after jsonb;
begin
  if current_setting('app.migration', true) = 'on' and session_user = 'freehold_owner' then
    return coalesce(NEW, OLD);
  end if;
  if TG_OP = 'UPDATE' and current_user = 'app_system' then
    v_after := to_jsonb(NEW);
    if to_jsonb(OLD) - TG_ARGV[1]::text[] = v_after - TG_ARGV[1]::text[] and not exists (
      select from unnest(TG_ARGV[1]::text[]) c (name)
      where v_after -> c.name is distinct from to_jsonb(OLD) -> c.name and v_after -> c.name not in ('null', '{}'))
    then
      return NEW;
    end if;
  end if;
  perform app_hidden.raise_error(422, 'APPEND_ONLY', TG_ARGV[0] || ' are append-only');
  return null;
end
$$;
comment on function app_private.tg__refuse_change_but_erasure() is
  'Refuses every change of a ledger but emptying the personal columns of someone who is erased.';
