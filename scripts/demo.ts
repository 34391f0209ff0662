/** A push becomes a deployment, seen from outside: run `npm start` in one terminal and `npm run demo` in another. */
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sign } from '@octokit/webhooks-methods'
import type { WebhookDefinition } from '@octokit/webhooks-examples'
import { createClient, type Client } from 'graphql-ws'
import WebSocket from 'ws'

const { FREEHOLD_URL, HOST = '127.0.0.1', PORT = '5678', DATA_DIR = '.freehold' } = process.env
const base = (FREEHOLD_URL ?? `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${PORT}`).replace(/\/+$/, '')
const BUILD = [
  'Cloning Codertocat/Hello-World',
  'npm ci',
  'added 212 packages in 3s',
  'npm run build',
  '14 pages built',
  'Image pushed',
]

/** An answer with `errors` in it, or no answer that is GraphQL. */
class Refused extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(`${code}: ${message}`)
    this.code = code
  }
}

/** A person or a program, by its token, acting in one tenant. */
interface Actor {
  token?: string
  tenant?: string
}

async function ask<T = any>({ token, tenant }: Actor, query: string, variables: object = {}): Promise<T> {
  const response = await fetch(`${base}/graphql`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(tenant && { 'X-Tenant': tenant }),
    },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = (await response.json()) as {
    data: T
    errors?: { message: string; extensions: { code: string } }[]
  }
  if (errors?.[0]) throw new Refused(errors[0].extensions.code, errors[0].message)
  return data
}

/** The code of the refusal that must come; an answer is a failure of the demo. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof Refused) return error.code
    throw error
  }
  throw new Error('this should have been refused')
}

const sockets: Client[] = []

/** One websocket of an actor. */
function connect({ token, tenant }: Actor): Client {
  const client = createClient({
    url: `${base.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    lazy: false,
    retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${token}`, ...(tenant && { tenant }) },
    onNonLazyError: () => {},
  })
  sockets.push(client)
  return client
}

/** Hands every answer of a subscription to `onData`; resolves when it ends, rejects when it is refused. */
function subscribe(
  client: Client,
  query: string,
  variables: Record<string, unknown>,
  onData: (data: any) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    client.subscribe<any>(
      { query, variables },
      {
        next({ data, errors }) {
          if (errors?.[0]) reject(new Refused(String(errors[0].extensions?.code), errors[0].message))
          else onData(data)
        },
        error: (error) => reject(error instanceof Error ? error : new Error(JSON.stringify(error))),
        complete: resolve,
      },
    )
  })
}

const started = performance.now()
const say = (line: string) => console.log(`${((performance.now() - started) / 1000).toFixed(2).padStart(6)} s  ${line}`)
const live = (line: string) => say(`    live: ${line}`)

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not as it should be: ${what}`)
  say(`  ✓ ${what}`)
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 15_000; !isSo(); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`not within 15 seconds: ${what}`)
  }
}

const REGISTER = `mutation ($email: String!, $password: String!, $name: String!) {
  register(input: {email: $email, password: $password, name: $name}) { result { isDone } } }`
const VERIFY = 'mutation ($token: String!) { verifyEmail(input: {token: $token}) { result { isDone } } }'
const LOGIN = `mutation ($email: String!, $password: String!) {
  login(input: {email: $email, password: $password}) { result { token expiresAt } } }`
const CREATE_TENANT =
  'mutation ($name: String!, $slug: String!) { createTenant(input: {name: $name, slug: $slug}) { tenant { id slug } } }'

/** The token that was mailed to an address: without SMTP, a mail is a file in <DATA_DIR>/mail of the server. */
async function mailedToken(email: string): Promise<string> {
  const directory = join(DATA_DIR, 'mail')
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(50)) {
    const files = existsSync(directory) ? readdirSync(directory).filter((file) => file.endsWith('.eml')) : []
    for (const file of files.sort().reverse()) {
      const mail = readFileSync(join(directory, file), 'utf8')
      const token = /^fh_mail_[0-9a-f]+/m.exec(mail)?.[0]
      if (mail.includes(`To: ${email}`) && token !== undefined) return token
    }
  }
  throw new Error(
    `no mail to ${email} came to ${directory}: set DATA_DIR to that of the server, which must send no SMTP`,
  )
}

/** Registers somebody, confirms the address, logs in and makes a tenant. */
async function arrive(
  name: string,
  tenantName: string,
): Promise<Required<Actor> & { email: string; tenantId: string }> {
  const tag = randomBytes(4).toString('hex')
  const email = `${name.toLowerCase()}-${tag}@example.com`
  const password = randomBytes(12).toString('base64url')
  const slug = `${tenantName.toLowerCase().replaceAll(' ', '-')}-${tag}`
  await ask({}, REGISTER, { email, password, name })
  await ask({}, VERIFY, { token: await mailedToken(email) })
  const { login } = await ask({}, LOGIN, { email, password })
  const token = login.result.token as string
  const { createTenant } = await ask({ token }, CREATE_TENANT, { name: tenantName, slug })
  say(`${name} registered as ${email}, confirmed it, logged in, and made tenant ${slug}`)
  return { token, tenant: slug, email, tenantId: createTenant.tenant.id }
}

const CLAIM = `mutation ($runner: String!) { claimDeployment(input: {runner: $runner, leaseSeconds: 30}) {
  result { leaseToken leaseExpiresAt deployment { id commitSha ref repoUrl } } } }`
const APPEND = `mutation ($id: UUID!, $lines: [LogLineInput!]!, $requestId: String!, $leaseToken: String!) {
  appendDeploymentLogs(input: {deploymentId: $id, lines: $lines, requestId: $requestId, leaseToken: $leaseToken}) { result } }`
const HEARTBEAT = `mutation ($id: UUID!, $leaseToken: String!) {
  heartbeatDeployment(input: {id: $id, leaseToken: $leaseToken, leaseSeconds: 30}) { deployment { leaseExpiresAt } } }`
const MOVE = `mutation ($id: UUID!, $status: DeploymentStatus!, $leaseToken: String, $url: String) {
  transitionDeployment(input: {id: $id, status: $status, leaseToken: $leaseToken, url: $url}) { deployment { status } } }`

/** Resolves when there is something to claim. */
function work(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    subscribe(client, 'subscription { deploymentWaiting { deployment { id } } }', {}, () => resolve()).catch(reject)
  })
}

/**
 * A runner, such as you would write: waits for work, claims one deployment, tells its build line by line, keeps its lease and finishes.
 * The token of the lease goes with all of it; a runner that dies keeps nothing, and another one gets the deployment.
 */
async function runOne(actor: Actor, runner: string): Promise<string> {
  await work(connect(actor))
  const {
    claimDeployment: { result: lease },
  } = await ask(actor, CLAIM, { runner })
  if (!lease) throw new Error('there was nothing to claim')
  const { leaseToken, deployment } = lease
  const { id } = deployment
  say(`runner claimed ${id} of ${deployment.ref} at ${deployment.commitSha.slice(0, 7)}`)
  const forged = await refusal(ask(actor, MOVE, { id, status: 'READY', url: 'https://elsewhere.example.com' }))
  check(
    forged === 'LEASE_LOST',
    `nobody else publishes it meanwhile, the same key without the lease neither (${forged})`,
  )
  await watchLogs(id)
  for (const [index, message] of BUILD.entries()) {
    const lines = [{ message, level: 'INFO', source: 'BUILD' }]
    await ask(actor, APPEND, { id, lines, requestId: `${runner}-${index}`, leaseToken })
    await ask(actor, HEARTBEAT, { id, leaseToken })
  }
  for (const [status, url] of [['DEPLOYING'], ['READY', 'https://hello-world.example.com']] as const)
    await ask(actor, MOVE, { id, status, leaseToken, url })
  return id
}

let watchLogs: (deploymentId: string) => Promise<void> = async () => {}

async function main(): Promise<void> {
  const alice = await arrive('Alice', 'Acme')

  // The example's own branch, so that it is sent as GitHub sends it, byte for byte signed by Octokit's code.
  const examples = createRequire(import.meta.url)('@octokit/webhooks-examples') as WebhookDefinition[]
  const pushes = examples.find(({ name }) => name === 'push')?.examples as unknown as {
    ref: string
    after: string
    deleted: boolean
  }[]
  const push = pushes.find(({ ref, deleted }) => ref.startsWith('refs/heads/') && !deleted)!
  const branch = push.ref.slice('refs/heads/'.length)

  const {
    createProject: { project },
  } = await ask(
    alice,
    `mutation ($project: ProjectInput!) { createProject(input: {project: $project}) { project {
       id slug environments { nodes { name branch } } } } }`,
    { project: { name: 'Hello World', slug: 'hello-world', repositoryBranch: branch, visibility: 'PRIVATE' } },
  )
  say(
    `project ${project.slug} with ${project.environments.nodes.map((each: any) => `${each.name} (branch ${each.branch ?? 'none'})`).join(' and ')}`,
  )

  const { createApiKey } = await ask(
    alice,
    'mutation ($projectId: UUID!) { createApiKey(input: {name: "runner", scopes: [WRITE], projectId: $projectId}) { result { token keyPrefix } } }',
    { projectId: project.id },
  )
  const runner: Actor = { token: createApiKey.result.token }
  say(`API key ${createApiKey.result.keyPrefix}… for the runner, good for this project only`)

  const {
    createWebhookSource: { result: source },
  } = await ask(
    alice,
    'mutation ($projectId: UUID!) { createWebhookSource(input: {projectId: $projectId, name: "GitHub"}) { result { webhookSourceId path secret } } }',
    { projectId: project.id },
  )
  say(`webhook source at ${source.path}`)

  const changes: { type: string; status: string }[] = []
  const lines: string[] = []
  const socket = connect(alice)
  const failures: unknown[] = []
  subscribe(
    socket,
    'subscription ($projectId: UUID!) { deploymentChanged(projectId: $projectId) { type deployment { id status deploymentUrl } } }',
    { projectId: project.id },
    ({ deploymentChanged: { type, deployment } }) => {
      changes.push({ type, status: deployment.status })
      live(`${type}, now ${deployment.status}${deployment.deploymentUrl ? ` at ${deployment.deploymentUrl}` : ''}`)
    },
  ).catch((error: unknown) => failures.push(error))
  watchLogs = async (deploymentId) => {
    subscribe(
      socket,
      'subscription ($id: UUID!) { deploymentLogs(deploymentId: $id, after: "0") { cursor lines { sequence level message } } }',
      { id: deploymentId },
      ({ deploymentLogs }) => {
        for (const line of deploymentLogs.lines) {
          lines.push(line.message)
          live(`log ${line.sequence} ${line.level}: ${line.message}`)
        }
      },
    ).catch((error: unknown) => failures.push(error))
  }
  // graphql-ws does not acknowledge a subscription.
  await sleep(500)

  const body = JSON.stringify(push)
  const headers = {
    'Content-Type': 'application/json',
    'X-GitHub-Event': 'push',
    'X-GitHub-Delivery': randomUUID(),
    'X-Hub-Signature-256': await sign(source.secret, body),
  }
  const deliver = (extra = {}) => fetch(base + source.path, { method: 'POST', headers: { ...headers, ...extra }, body })
  const forged = await deliver({ 'X-Hub-Signature-256': await sign('a guessed secret', body) })
  check(forged.status === 401, `a push with a forged signature is refused (${forged.status})`)
  const taken = await deliver()
  check(taken.status === 202, `the push to ${push.ref} that GitHub signed is taken (${taken.status})`)
  const again = await deliver()
  check(again.status === 200, `the same delivery again changes nothing (${again.status})`)

  await until('the push becomes a deployment', () => changes.length > 0)
  const deploymentId = await runOne(runner, `demo-${randomBytes(3).toString('hex')}`)
  await until(
    'the news of the end',
    () => changes.some(({ status }) => status === 'READY') && lines.length >= BUILD.length,
  )
  if (failures.length > 0) throw failures[0]
  check(lines.join('\n') === BUILD.join('\n'), `all ${BUILD.length} log lines came live, once and in order`)

  const SEE = `query ($projectId: UUID!, $id: UUID!) {
    project(id: $projectId) { name }
    deployment(id: $id) { status isCurrent commitSha deploymentUrl logs { totalCount } }
    projects { totalCount } deployments { totalCount } webhookEvents { nodes { outcome } } events { totalCount } }`
  const seen = await ask(alice, SEE, { projectId: project.id, id: deploymentId })
  check(
    seen.deployment.status === 'READY' && seen.deployment.isCurrent && seen.deployment.commitSha === push.after,
    `Alice sees ${seen.project.name}: ${seen.deployment.status} at ${seen.deployment.deploymentUrl}, ${seen.deployment.logs.totalCount} lines, ${seen.events.totalCount} events`,
  )
  check(
    seen.webhookEvents.nodes.length === 1 && seen.deployments.totalCount === 1,
    `one webhook, one deployment: ${seen.webhookEvents.nodes[0].outcome}`,
  )

  const mallory = await arrive('Mallory', 'Evil Corp')
  const unseen = await ask(mallory, SEE, { projectId: project.id, id: deploymentId })
  check(
    unseen.project === null &&
      unseen.deployment === null &&
      unseen.projects.totalCount === 0 &&
      unseen.deployments.totalCount === 0 &&
      unseen.webhookEvents.nodes.length === 0,
    'Mallory asks the same by id and sees nothing of it',
  )
  const moved = await refusal(
    ask(
      mallory,
      'mutation ($id: UUID!) { transitionDeployment(input: {id: $id, status: FAILED}) { deployment { id } } }',
      { id: deploymentId },
    ),
  )
  check(moved === 'DEPLOYMENT_NOT_FOUND', `Mallory can't move the deployment (${moved})`)
  const entered = await refusal(ask({ ...mallory, tenant: alice.tenant }, '{ projects { totalCount } }'))
  check(entered === 'NOT_A_MEMBER', `Mallory can't enter ${alice.tenant} (${entered})`)
  const listened = await refusal(
    subscribe(
      connect(mallory),
      'subscription ($id: UUID!) { deploymentLogs(deploymentId: $id) { cursor } }',
      { id: deploymentId },
      () => {},
    ),
  )
  check(listened === 'NOT_FOUND', `Mallory can't listen to its logs (${listened})`)
  const { events } = await ask(alice, '{ events { totalCount } }')
  check(events.totalCount === seen.events.totalCount, "and nothing of that left a trace in Alice's tenant")

  const line = (query: string) =>
    `curl -s ${base}/graphql -H 'Content-Type: application/json' -H 'Authorization: Bearer ${alice.token}' -d '${JSON.stringify({ query })}'`
  console.log(`
Alice's session token, to try by hand (in GraphiQL too, as the header Authorization: Bearer …):

${alice.token}

${line('{ currentUser { username } currentTenant { slug } deployments { nodes { status ref deploymentUrl } } }')}

${line(`{ deployment(id: "${deploymentId}") { status logs { nodes { sequence message } } } }`)}

${line(`mutation { requestDeployment(input: {projectId: "${project.id}", commitSha: "${push.after}"}) { deployment { id status } } }`)}
`)
}

try {
  await main()
} catch (error) {
  const isDown = error instanceof TypeError && error.message === 'fetch failed'
  console.error(isDown ? `No server answers at ${base}: run \`npm start\`, or set FREEHOLD_URL.` : error)
  process.exitCode = 1
} finally {
  for (const socket of sockets) void socket.dispose()
}
