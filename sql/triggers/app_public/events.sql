create or replace trigger _200_refuse_change
  before update or delete on app_public.events for each row
  execute function app_private.tg__refuse_change('events');
