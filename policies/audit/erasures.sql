-- tenancy: global
drop policy if exists all_system on audit.erasures;
create policy all_system on audit.erasures for all to app_system using (true) with check (true);
comment on policy all_system on audit.erasures is 'Erasure writes here, the verifier reads.';

revoke all on audit.erasures from app_anonymous, app_user, app_system, freehold_worker;
grant select, insert on audit.erasures to app_system;
-- Nothing for API roles; no update or delete: a lawful hole in the ledger stays one.
