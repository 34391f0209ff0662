/* @name IsMigrated */
select has_schema_privilege('app_private', 'usage')
  and to_regproc('app_private.authenticate') is not null as "isMigrated!";
