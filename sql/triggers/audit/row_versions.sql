create or replace trigger _200_refuse_change_but_erasure
  before update or delete on audit.row_versions for each row
  execute function app_private.tg__refuse_change_but_erasure(
    'versions of rows', '{personal,personal_salt,ip,user_agent,origin_salt}');

create or replace trigger _200_refuse_change
  before truncate on audit.row_versions for each statement
  execute function app_private.tg__refuse_change('versions of rows');
