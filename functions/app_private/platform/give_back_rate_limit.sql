-- Counting first and giving back is what lets no more pass at the same time than one after the other.
create or replace function app_private.give_back_rate_limit(
  subject_type text,
  subject_id text,
  window_seconds integer
) returns void
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  with
    window_now as (
      select to_timestamp(floor(extract(epoch from clock_timestamp()) / give_back_rate_limit.window_seconds)
        * give_back_rate_limit.window_seconds) as start),
    -- What is back at nothing leaves no trace.
    emptied as (
      delete from app_private.rate_limits r using window_now w
      where r.subject_type = give_back_rate_limit.subject_type and r.subject_id = give_back_rate_limit.subject_id
        and r.window_seconds = give_back_rate_limit.window_seconds and r.window_start = w.start and r.count <= 1)
  update app_private.rate_limits r set count = r.count - 1
  from window_now w
  where r.subject_type = give_back_rate_limit.subject_type and r.subject_id = give_back_rate_limit.subject_id
    and r.window_seconds = give_back_rate_limit.window_seconds and r.window_start = w.start and r.count > 1
$$;
comment on function app_private.give_back_rate_limit(text, text, integer) is
  'Takes one away from the current window: what was counted turned out to be in order.';
alter function app_private.give_back_rate_limit(text, text, integer) owner to app_system;
