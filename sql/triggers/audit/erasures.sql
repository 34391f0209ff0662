create or replace trigger _200_refuse_change
  before update or delete on audit.erasures for each row
  execute function app_private.tg__refuse_change('erasures');

create or replace trigger _210_refuse_change
  before truncate on audit.erasures for each statement
  execute function app_private.tg__refuse_change('erasures');
