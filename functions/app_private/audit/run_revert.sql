-- A preview does all of it and takes it back, so that it knows what constraints and triggers say. So does a revert
-- that meets a conflict.
create or replace function app_private.run_revert(tenant_id uuid, plan jsonb[], is_preview boolean)
  returns setof app_public.revert_step
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan      jsonb[] := run_revert.plan;
  v_waiting   jsonb[];
  v_item      jsonb;
  v_step      app_public.revert_step;
  v_done      app_public.revert_step[] := '{}';
  v_conflicts app_public.revert_step[];
  v_progress  boolean;
begin
  begin
    -- A project that comes back brings its environments.
    perform set_config('app.is_reverting', case when (plan[1] ->> 'isWhole')::boolean then '' else 'on' end, true);
    -- What stands in another's way, a name or a reference, may have to go first: whatever failed is tried again.
    loop
      v_waiting := '{}';
      v_conflicts := '{}';
      v_progress := false;
      foreach v_item in array v_plan loop
        v_step := app_private.take_revert_step(run_revert.tenant_id, v_item);
        if v_step.conflict is not null then
          v_waiting := v_waiting || v_item;
          v_conflicts := v_conflicts || v_step;
        else
          v_progress := true;
          if v_step.action is not null then
            v_done := v_done || v_step;
          end if;
        end if;
      end loop;
      exit when v_waiting = '{}' or not v_progress;
      v_plan := v_waiting;
    end loop;
    perform set_config('app.is_reverting', '', true);
    if run_revert.is_preview or v_conflicts <> '{}' then
      raise exception using errcode = 'RV000', message = 'taken back';
    end if;
  exception
    when sqlstate 'RV000' then null;
  end;
  return query
  select s.table_name, s.row_id, s.action, coalesce(s.changes, '{}'), s.conflict,
    case when not run_revert.is_preview then pg_current_xact_id()::text end
  from unnest(v_conflicts || v_done) s;
end
$$;
comment on function app_private.run_revert(uuid, jsonb[], boolean) is
  'Takes the steps of a plan, all or none; conflicts come first in the result.';
alter function app_private.run_revert(uuid, jsonb[], boolean) owner to app_system;
