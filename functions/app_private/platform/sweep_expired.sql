create or replace function app_private.sweep_expired() returns integer
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  with
    tokens as (delete from app_private.user_tokens t where t.expires_at < now() - interval '1 day' returning 1),
    registrations as (delete from app_private.registrations r where r.expires_at < now() returning 1),
    devices as (delete from app_private.device_tokens d where d.expires_at < now() returning 1),
    leases as (
      delete from app_private.deployment_leases l
      where l.claimed_at < now() - interval '1 day' and not exists (
        select from app_public.deployments d
        where d.tenant_id = l.tenant_id and d.id = l.deployment_id and d.lease_expires_at > now() - interval '1 day')
      returning 1),
    limits as (delete from app_private.rate_limits r where r.window_start < now() - interval '1 day' returning 1),
    -- None is sent before it was made, and by that there is an index.
    emails as (
      delete from app_private.emails m
      where m.created_at < now() - interval '7 days' and m.sent_at < now() - interval '7 days'
      returning 1),
    responses as (delete from app_public.idempotency_keys i where i.expires_at < now() returning 1),
    sessions as (delete from app_public.sessions s where s.expires_at < now() - interval '30 days' returning 1),
    invitations as (
      update app_public.tenant_members m set invitation_status = 'expired'
      where m.invitation_status = 'invited' and m.invitation_expires_at < now() returning 1)
  select ((select count(*) from tokens) + (select count(*) from registrations) + (select count(*) from devices)
    + (select count(*) from leases) + (select count(*) from limits) + (select count(*) from emails)
    + (select count(*) from responses) + (select count(*) from sessions) + (select count(*) from invitations))::integer
$$;
comment on function app_private.sweep_expired() is 'Forgets what has expired; returns how many rows that was.';
alter function app_private.sweep_expired() owner to app_system;
grant execute on function app_private.sweep_expired() to freehold_worker;
