create or replace function app_private.rate_limit_count(
  subject_type text,
  subject_id text,
  window_seconds integer
) returns integer
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce((
    select r.count
    from app_private.rate_limits r
    where r.subject_type = rate_limit_count.subject_type
      and r.subject_id = rate_limit_count.subject_id
      and r.window_seconds = rate_limit_count.window_seconds
      and r.window_start =
        to_timestamp(floor(extract(epoch from clock_timestamp()) / rate_limit_count.window_seconds)
          * rate_limit_count.window_seconds)
  ), 0)
$$;
comment on function app_private.rate_limit_count(text, text, integer) is 'What the current window has counted so far.';
alter function app_private.rate_limit_count(text, text, integer) owner to app_system;
