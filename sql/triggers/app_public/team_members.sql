create or replace trigger _100_set_updated_at
  before update on app_public.team_members for each row
  execute function app_private.tg__set_updated_at();

create or replace trigger _200_keep_identity
  before update of tenant_id, id on app_public.team_members for each row
  execute function app_private.tg__keep_identity();

create or replace trigger _200_guard_role
  before insert or update of role on app_public.team_members for each row
  execute function app_private.tg_team_members__guard_role();

-- What is hidden from whom, and who ranks how in a project, are claims that the API may have kept.
create or replace trigger _510_announce_revocation
  after insert or update or delete on app_public.team_members for each row
  execute function app_private.tg__announce_revocation('visibility:', 'tenant_id');
