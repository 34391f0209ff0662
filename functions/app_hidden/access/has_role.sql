-- Compares by the order of the enum, which is the rank.
create or replace function app_hidden.has_role(minimum app_public.member_role) returns boolean
  language sql stable parallel safe
as $$
  select coalesce(
    nullif(current_setting('app.member_role', true), '')::app_public.member_role >= has_role.minimum, false)
$$;
comment on function app_hidden.has_role(app_public.member_role) is
  'Whether the request ranks at least so high inside its tenant.';
grant execute on function app_hidden.has_role(app_public.member_role)
  to app_anonymous, app_user, app_system, freehold_worker;
