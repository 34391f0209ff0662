create or replace function app_hidden.current_actor_type() returns app_public.actor_type
  language sql stable parallel safe
as $$
  select coalesce(nullif(current_setting('app.actor_type', true), '')::app_public.actor_type, 'system')
$$;
comment on function app_hidden.current_actor_type() is 'Kind of actor; system when nobody says otherwise.';
grant execute on function app_hidden.current_actor_type() to app_anonymous, app_user, app_system, freehold_worker;
