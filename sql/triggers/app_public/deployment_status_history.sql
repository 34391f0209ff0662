-- Deleted with its deployment, never changed.
create or replace trigger _200_refuse_change
  before update on app_public.deployment_status_history for each row
  execute function app_private.tg__refuse_change('moves of deployments');
