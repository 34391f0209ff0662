select
  'freehold_owner' as offender,
  'its new functions would be executable by everybody' as why,
  'alter default privileges for role freehold_owner revoke execute on functions from public; in migrations/current.sql'
    as mend
where not exists (
  select
  from pg_default_acl d
  where d.defaclrole = 'freehold_owner'::regrole and d.defaclobjtype = 'f' and d.defaclnamespace = 0
    and not exists (select from aclexplode(d.defaclacl) x where x.grantee = 0))
