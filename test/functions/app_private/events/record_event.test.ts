import { addWebhookEvent, openShop } from '../../../worker/support.ts'
import { call } from '../../../../src/db/call.ts'
import { namedPeople } from '../../../support/people.ts'
import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { ask, askOne } from '../../../support/ask.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

/**
 * Looks at each event when it is recorded, and refuses one whose subject is neither written nor locked by the same transaction: its
 * row was made, or its xmax is, by a transaction that still runs. Another's would not let us see the row, or have waited for us.
 */
const WATCH = `
  create table public.recorded (type text, is_held boolean);
  grant insert on public.recorded to public;
  create function public.watch() returns trigger language plpgsql security definer as $$
  declare
    v_held boolean;
  begin
    execute format(
      'select exists (select from %s s where s.id = $1
         and ((s.xmin::text::xid8 > $2 and pg_xact_status(s.xmin::text::xid8) = ''in progress'')
           or (s.xmax <> 0 and pg_xact_status(s.xmax::text::xid8) = ''in progress'')))',
      'app_public.' || NEW.subject_type || 's')
    into v_held using NEW.subject_id, '3'::xid8;
    insert into public.recorded values (NEW.type, v_held);
    return null;
  end $$;
  create trigger watch after insert on app_public.events for each row execute function public.watch()`

test('whatever records an event holds the row of its subject until it commits', async () => {
  await database.superuser.query(WATCH)
  const people = await namedPeople(database)
  const { alice, bob, vera } = people
  const project = await askOne(
    database,
    bob,
    `insert into app_public.projects (name, slug) values ('Shop', 'shop') returning id`,
  )
  const { id } = await askOne(
    database,
    bob,
    `select id from app_public.request_deployment($1, commit_sha => 'abcdef1')`,
    [project.id],
  )
  for (const status of ['building', 'deploying', 'failed'])
    await database.superuser.query(
      'update app_public.deployments set status = $2::app_public.deployment_status where id = $1',
      [id, status],
    )
  await ask(database, alice, `select app_public.change_member_role($1, 'member')`, [vera.id])
  await ask(database, alice, 'select app_public.remove_member($1)', [vera.id])
  await ask(database, alice, 'select app_public.delete_project($1)', [project.id])
  await ask(database, alice, 'select app_public.transfer_ownership($1)', [bob.id])
  const shop = await openShop(database, 'sam')
  const webhook = await addWebhookEvent(database, shop, 'delivery', { ref: 'refs/heads/x', after: 'a'.repeat(40) })
  await call(database.worker, 'app_private.apply_webhook_event', {
    tenant_id: shop.tenantId,
    webhook_event_id: webhook,
  })

  await ask(database, people.mallory, 'select app_public.close_tenant($1)', [people.tenants.evil.slug])

  const { rows } = await database.superuser.query<{ type: string; isHeld: boolean }>(
    `select type, bool_and(is_held) as "isHeld" from public.recorded where type !~ '^deployment' or type ~ 'requested|building'
     group by type order by type`,
  )
  expect(rows.filter(({ isHeld }) => !isHeld)).toEqual([])
  // Every kind that anybody records; those of deployments all come from one trigger.
  const { rows: known } = await database.superuser.query<{ type: string }>(
    `select name as type from app_public.event_types where name !~ '^deployment' or name ~ 'requested|building' order by name`,
  )
  expect(rows.map(({ type }) => type)).toEqual(known.map(({ type }) => type))

  // And it would have been noticed.
  await database.superuser.query(`select app_private.record_event('project.deleted', $1, 'project', $2, null)`, [
    people.tenants.acme.id,
    shop.projectId,
  ])
  expect((await database.superuser.query('select from public.recorded where not is_held')).rowCount).toBe(1)
})
