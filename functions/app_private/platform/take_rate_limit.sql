-- The count is lost when the transaction rolls back. So whoever counts has raised before all that it may raise, and
-- refuses afterwards by returning (app_hidden.refusal): a law, sql/checks/functions/a_count_outlives_its_refusal.sql.
create or replace function app_private.take_rate_limit(
  subject_type text,
  subject_id text,
  window_seconds integer,
  max_count integer
) returns boolean
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_count integer;
begin
  insert into app_private.rate_limits as r (subject_type, subject_id, window_seconds, window_start, count, "limit")
  values (
    take_rate_limit.subject_type, take_rate_limit.subject_id, take_rate_limit.window_seconds,
    to_timestamp(floor(extract(epoch from clock_timestamp()) / take_rate_limit.window_seconds)
      * take_rate_limit.window_seconds),
    1, take_rate_limit.max_count)
  on conflict on constraint rate_limits_pkey do update set count = r.count + 1, "limit" = excluded."limit"
  returning r.count into v_count;
  return v_count <= take_rate_limit.max_count;
end
$$;
comment on function app_private.take_rate_limit(text, text, integer, integer) is
  'Counts one more in the current window; false when that is more than allowed.';
alter function app_private.take_rate_limit(text, text, integer, integer) owner to app_system;
