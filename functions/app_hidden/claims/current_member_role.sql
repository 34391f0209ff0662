create or replace function app_hidden.current_member_role() returns app_public.member_role
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.member_role', true), '')::app_public.member_role
$$;
comment on function app_hidden.current_member_role() is 'Rank of the request inside its tenant; null without a tenant.';
grant execute on function app_hidden.current_member_role() to app_anonymous, app_user, app_system, freehold_worker;
