create or replace trigger _200_refuse_change_but_erasure
  before update or delete on app_public.audit_logs for each row
  execute function app_private.tg__refuse_change_but_erasure('audit logs', '{ip_address,user_agent,details}');

create or replace trigger _200_refuse_change
  before truncate on app_public.audit_logs for each statement
  execute function app_private.tg__refuse_change('audit logs');

create or replace trigger _200_refuse_depth
  before insert or update of details on app_public.audit_logs for each row
  when (jsonb_path_exists(NEW.details, '$.**{201}'))
  execute function app_private.tg__refuse_depth();
