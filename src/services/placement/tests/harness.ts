// Placement alone in a test: its real database and pipeline; a token is the name of a person.
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { type Capabilities, type Identity, systemClock, systemIds, systemRandom } from '#core/context'
import { openDatabase } from '#core/db'
import { Unauthorized } from '#core/errors'
import { readText } from '#core/http'
import { silentLog } from '#core/observe'
import type { Runtime } from '#core/service'
import { emptyDatabase } from '../../../core/testing/postgres.ts'
import { placement } from '../index.ts'

const person = (name: string, roles: readonly string[], projectId: string): Identity => ({
  userId: name, userName: name, userDomainId: 'default', userDomainName: 'Default', projectId, projectName: projectId, roles,
})

const people: Readonly<Record<string, Identity>> = {
  admin: person('admin', ['admin', 'manager', 'member', 'reader'], 'admin-project'),
  service: { ...person('service', ['service'], 'service-project'), serviceRoles: ['service'] },
  member: person('member', ['member', 'reader'], 'demo-project'),
  reader: person('reader', ['reader'], 'demo-project'),
  stranger: person('stranger', ['member', 'reader'], 'other-project'),
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: any
}

interface CallOptions {
  readonly version?: string
  readonly as?: string
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Call = (method: string, path: string, body?: unknown, options?: CallOptions) => Promise<Answer>

export const newId = (): string => randomUUID()

export async function startPlacement(t: TestContext, options: { checkReplies?: boolean; file?: string } = {}): Promise<Call> {
  const capabilities: Capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
  const opened: { close(): Promise<void> }[] = []
  const runtime = {
    ...capabilities, authUrl: 'http://keystone/v3', checkReplies: options.checkReplies ?? true,
    async database(name: string, migrations: never[]) {
      const where = process.env['NIMBO_TEST_DATABASE'] === 'postgres' && options.file === undefined ? { url: await emptyDatabase() } : { file: options.file ?? ':memory:' }
      const database = await openDatabase({ name, ...where, migrations, clock: systemClock, log: silentLog })
      opened.push(database)
      return database
    },
    authenticate: (token: string | undefined) => {
      const identity = people[token ?? '']
      if (!identity) throw new Unauthorized('The request you have made requires authentication.')
      return { identity, fromCache: false }
    },
  } as unknown as Runtime
  const role = await placement.roles['api']?.(runtime)
  const transport = role?.transport
  if (!transport) throw new Error('placement has no API')
  t.after(async () => {
    for (const database of opened) await database.close()
  })
  return async (method, path, body, { version = '1.39', as = 'admin', key, headers } = {}) => {
    const [pathname = '', query = ''] = path.split(/\?(.*)/s)
    const reply = await transport({
      method, path: pathname, query, origin: 'http://placement', body: body === undefined ? null : JSON.stringify(body),
      headers: { 'x-auth-token': as, 'openstack-api-version': `placement ${version}`, ...(body !== undefined && { 'content-type': 'application/json' }), ...(key !== undefined && { 'idempotency-key': key }), ...headers },
    })
    const text = (await readText(reply.body, 64 * 1024 * 1024)) ?? ''
    return { status: reply.status, headers: reply.headers, body: text.startsWith('{') ? JSON.parse(text) : text }
  }
}

/** A provider with inventories, made the way nova's resource tracker does. */
export async function makeProvider(call: Call, name: string, inventories: Readonly<Record<string, object>>, more: { parent?: string; traits?: readonly string[]; aggregates?: readonly string[] } = {}): Promise<string> {
  const uuid = newId()
  await must(call('POST', '/resource_providers', { name, uuid, ...(more.parent !== undefined && { parent_provider_uuid: more.parent }) }))
  let generation = 0
  if (Object.keys(inventories).length > 0) {
    await must(call('PUT', `/resource_providers/${uuid}/inventories`, { resource_provider_generation: generation++, inventories }))
  }
  if (more.traits) await must(call('PUT', `/resource_providers/${uuid}/traits`, { resource_provider_generation: generation++, traits: more.traits }))
  if (more.aggregates) await must(call('PUT', `/resource_providers/${uuid}/aggregates`, { resource_provider_generation: generation++, aggregates: more.aggregates }))
  return uuid
}

export async function must(answer: Promise<Answer>): Promise<Answer> {
  const settled = await answer
  if (settled.status >= 300) throw new Error(`${settled.status} ${JSON.stringify(settled.body)}`)
  return settled
}

export function claim(provider: string, resources: Readonly<Record<string, number>>, generation: number | null = null, type = 'INSTANCE') {
  return { allocations: { [provider]: { resources } }, project_id: 'demo-project', user_id: 'member', consumer_generation: generation, consumer_type: type }
}
