-- Who ranks so high in a project: (select has_role(r)) <> (project_id = any ((select project_ids_apart(r))::uuid[])).
-- That is two init plans and a look into a short array for each row.
create or replace function app_hidden.project_ids_apart(minimum app_public.member_role) returns uuid[]
  language sql stable parallel safe
as $$
  select array(
    select r.key::uuid
    from jsonb_each_text(app_hidden.project_ranks()) r
    where (r.value::app_public.member_role >= project_ids_apart.minimum)
      <> app_hidden.has_role(project_ids_apart.minimum))
$$;
comment on function app_hidden.project_ids_apart(app_public.member_role) is
  'Projects where the request has that rank while it has it not in the tenant, or the other way round.';
grant execute on function app_hidden.project_ids_apart(app_public.member_role) to app_user, app_system;
