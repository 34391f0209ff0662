import fc from 'fast-check'
import { openScene, type Scene } from './scene.ts'
import { loop } from '../../../support/loops.ts'

let scene: Scene
beforeAll(async () => {
  scene = await openScene()
})
afterAll(() => scene.database.close())

loop(
  'deployment_count is what a count would say, after any inserts and deletes, one or many at once',
  { short: 10, full: 300, of: 'histories' },
  async (rounds) => {
    const projects = [await scene.project(), await scene.project(), await scene.project()]
    const insert = (counts: readonly number[]) =>
      scene.rows(
        `insert into app_public.deployments (tenant_id, project_id, environment_id, environment)
     select e.tenant_id, e.project_id, e.id, e.type from app_public.project_environments e, unnest($1::uuid[], $2::integer[]) c (project_id, count), generate_series(1, c.count)
     where e.project_id = c.project_id and e.name = 'staging'`,
        [projects, counts],
      )
    const remove = (count: number) =>
      scene.rows(
        'delete from app_public.deployments where id in (select id from app_public.deployments where project_id = any ($1) order by md5(id::text) limit $2)',
        [projects, count],
      )
    const wrong = () =>
      scene.rows(
        'select p.slug, p.deployment_count, c.count from app_public.projects p, lateral (select count(*)::integer from app_public.deployments d where d.project_id = p.id) c where c.count <> p.deployment_count',
      )

    const act = fc.oneof(
      fc.record({ add: fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 }), fc.nat({ max: 4 })) }),
      fc.record({ take: fc.nat({ max: 6 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 8 }), async (acts) => {
        for (const one of acts) await ('add' in one ? insert(one.add) : remove(one.take))
        expect(await wrong()).toEqual([])
      }),
      { numRuns: rounds },
    )

    await Promise.all(Array.from({ length: 12 }, (_, i) => scene.request(projects[i % 3]!)))
    expect(await wrong()).toEqual([])
    const [{ count }] = await scene.rows('select sum(deployment_count)::integer as count from app_public.projects')
    expect(count).toBeGreaterThanOrEqual(12)
  },
)
