/** A process that starts or joins the embedded server of argv[2], says so in one line of JSON, and then waits to be killed. */
import { startEmbedded } from '../../src/deploy/embedded.ts'
import { CARELESS } from '../../src/dev/templateCluster.ts'

const { pid, port, owner } = await startEmbedded({ home: process.argv[2] ?? '', settings: CARELESS })
console.log(JSON.stringify({ pid, port, owner }))
setInterval(() => {}, 60_000)
