create or replace trigger _200_refuse_change
  before update or delete on app_public.events for each row
  execute function app_private.tg__refuse_change('events');

create or replace trigger _210_refuse_change
  before truncate on app_public.events for each statement
  execute function app_private.tg__refuse_change('events');
