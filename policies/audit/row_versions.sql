-- tenancy: tenant; rows of tables of the whole platform carry the tenant of all zeros and are for their subject alone
drop policy if exists tenant_isolation on audit.row_versions;
create policy tenant_isolation on audit.row_versions as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id())
    or (tenant_id = (select app_hidden.platform_tenant_id()) and subject_id = (select app_hidden.current_user_id())))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on audit.row_versions is
  'The wall: nothing of another tenant, and of the platform only what is about oneself.';

drop policy if exists select_admin on audit.row_versions;
create policy select_admin on audit.row_versions for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and (select app_hidden.has_role('admin'))
    and reader_role <= 'admin'
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())));
comment on policy select_admin on audit.row_versions is
  'Admins read the history of the tenant, deleted things included.';

drop policy if exists select_reader on audit.row_versions;
create policy select_reader on audit.row_versions for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and reader_role <= coalesce(
      ((select app_hidden.project_ranks()) ->> project_id::text)::app_public.member_role,
      (select app_hidden.current_member_role()))
    and (project_id is null or project_id <> all ((select app_hidden.hidden_project_ids())::uuid[]))
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())));
comment on policy select_reader on audit.row_versions is 'Who sees a row sees its history.';

drop policy if exists select_subject on audit.row_versions;
create policy select_subject on audit.row_versions for select to app_user
  using ((tenant_id = (select app_hidden.current_tenant_id()) or tenant_id = (select app_hidden.platform_tenant_id()))
    and subject_id = (select app_hidden.current_user_id())
    and (select app_hidden.current_api_key_id()) is null);
comment on policy select_subject on audit.row_versions is
  'A person reads the history of what is about them: their account, sessions, keys and memberships.';

drop policy if exists all_system on audit.row_versions;
create policy all_system on audit.row_versions for all to app_system using (true) with check (true);
comment on policy all_system on audit.row_versions is 'The trigger, the sealer and erasure see every tenant.';

revoke all on audit.row_versions from app_anonymous, app_user, app_system, freehold_worker;
grant select on audit.row_versions to app_user;
grant select, insert, update (personal, personal_salt, ip, user_agent, origin_salt) on audit.row_versions to app_system;
-- No insert, update or delete for anybody else: the triggers append, erase_user empties, nothing removes.
