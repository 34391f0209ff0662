/** Stops the cluster of this run and removes its files, also after failures. */
export default async function globalTeardown() {
  await globalThis.testCluster?.stop()
}
