create or replace function app_private.log_operator_act(
  operator app_public.users,
  action text,
  resource_type text,
  resource_id uuid,
  reason text,
  tenant_id uuid default null
) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  -- To the platform, and to the tenant it was done to: its admins can not look the operator up.
  perform app_private.log_audit_event((log_operator_act.operator).id, log_operator_act.action,
    log_operator_act.resource_type, log_operator_act.resource_id,
    jsonb_build_object('reason', log_operator_act.reason, 'operator', (log_operator_act.operator).name),
    tenant_id => t.id)
  from unnest(array[app_hidden.platform_tenant_id(), log_operator_act.tenant_id]) t (id)
  where t.id is not null;
  if log_operator_act.tenant_id is not null then
    perform app_private.send_email('operator_notice', u.email, app_private.random_token('fh_none_'),
      jsonb_build_object('tenant', tn.name, 'act', log_operator_act.action,
        'operator', (log_operator_act.operator).name, 'reason', log_operator_act.reason),
      user_id => u.id, sender_id => (log_operator_act.operator).id)
    from app_public.tenants tn
    join app_public.tenant_members m
      on m.tenant_id = tn.id and m.role = 'owner' and m.invitation_status = 'joined'
    join app_public.users u on u.id = m.user_id
    where tn.id = log_operator_act.tenant_id;
  end if;
end
$$;
comment on function app_private.log_operator_act(app_public.users, text, text, uuid, text, uuid) is
  'Writes down what an operator did, for the platform and for the tenant it was done to, whose owners are mailed.';
alter function app_private.log_operator_act(app_public.users, text, text, uuid, text, uuid) owner to app_system;
