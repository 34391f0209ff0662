/* @name FindLastLogSequence */
select l.sequence
from app_public.deployment_logs l
where l.tenant_id = :tenantId! and l.deployment_id = :deploymentId!
order by l.sequence desc
limit 1;

/* @name FindEventOfDeployment */
-- The row security of both tables decides whether the subscriber is told.
select e.type
from app_public.events e
where e.tenant_id = :tenantId! and e.created_at = :createdAt! and e.id = :eventId!
  and exists (select from app_public.deployments d where d.tenant_id = :tenantId! and d.id = e.subject_id);

/* @name FindDeployment */
select d.id from app_public.deployments d where d.tenant_id = :tenantId! and d.id = :id!;

/* @name FindProject */
select p.id from app_public.projects p where p.tenant_id = :tenantId! and p.id = :id!;

/* @name MayClaim */
select (app_hidden.has_role('developer') or app_hidden.project_ids_apart('developer') <> '{}')
  and app_hidden.is_permitted('deployments:write') as "mayClaim!"
where app_hidden.current_tenant_id() = :tenantId!;

/* @name FindClaimable */
select d.id
from app_hidden.claimable_deployments(:environments) c
join app_public.deployments d on d.tenant_id = :tenantId! and d.id = c.id
order by d.id
limit 1;
