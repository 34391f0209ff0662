import { startTemplateCluster } from '../../src/dev/templateCluster.ts'

/** Starts the cluster of this run. Test files learn of it through the environment of jest's workers. */
export default async function globalSetup() {
  const cluster = await startTemplateCluster()
  globalThis.testCluster = cluster
  process.env.FREEHOLD_TEST_URL = cluster.url
  process.env.FREEHOLD_TEST_SECRET = cluster.secret
  process.env.FREEHOLD_TEST_TEMPLATE = cluster.template
  // Ctrl-C skips jest's teardown.
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => void cluster.stop().finally(() => process.exit(130)))
  }
}
