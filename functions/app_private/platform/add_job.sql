-- Owned by freehold_worker: only the owner of schema graphile_worker may add jobs.
create or replace function app_private.add_job(
  task text,
  payload json,
  job_key text default null,
  run_at timestamptz default null,
  queue text default null
) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform graphile_worker.add_job(
    identifier => add_job.task, payload => add_job.payload, queue_name => add_job.queue,
    run_at => coalesce(add_job.run_at, now()), max_attempts => 25, job_key => add_job.job_key);
end
$$;
comment on function app_private.add_job(text, json, text, timestamptz, text) is
  'Adds a job in the same transaction; the payload is ids only.';
-- To own a function one must be allowed to create in its schema, which the worker is not otherwise.
grant create on schema app_private to freehold_worker;
alter function app_private.add_job(text, json, text, timestamptz, text) owner to freehold_worker;
revoke create on schema app_private from freehold_worker;
grant execute on function app_private.add_job(text, json, text, timestamptz, text) to app_system;
