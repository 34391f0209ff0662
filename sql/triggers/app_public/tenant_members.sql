create or replace trigger _100_set_updated_at
  before update on app_public.tenant_members for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _200_keep_identity
  before update of tenant_id, id on app_public.tenant_members for each row
  execute function app_private.tg__keep_identity();

create or replace trigger _300_remember_leaving
  before update of invitation_status on app_public.tenant_members for each row
  execute function app_private.tg_tenant_members__remember_leaving();

create or replace trigger _400_keep_owner
  after update of role, invitation_status or delete on app_public.tenant_members for each row
  when (OLD.role = 'owner' and OLD.invitation_status = 'joined')
  execute function app_private.tg_tenant_members__keep_owner();

create or replace trigger _500_announce_revocation
  after update of role, invitation_status on app_public.tenant_members for each row when (NEW.user_id is not null)
  execute function app_private.tg__announce_revocation('user:', 'user_id');
