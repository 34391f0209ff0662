-- Of what differs, the part that lets somebody do more; a deploy reports the rest, and a superuser's puts it right.
select
  d.role as offender,
  d.what as why,
  'deploy as superuser, or have one run sql/bootstrap/roles.sql; what is meant is said there and in '
    'sql/views/app_private/role_drift.sql' as mend
from app_private.role_drift d
where d.is_power
