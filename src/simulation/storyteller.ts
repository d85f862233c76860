// Whoever tells a fixed story: what they can do beside what people do, and what many stories have in common.
import type { Actor } from './intents/index.ts'
import { act, create, heed, remove } from './intents/actor.ts'
import type { Entry } from './ledger.ts'
import type { Person } from './person.ts'

export interface Storyteller extends Actor {
  /** Look again and again, until it is so or a while has passed. */
  until(look: () => Promise<boolean>): Promise<void>
  pause(milliseconds: number): Promise<void>
  /** Nothing reaches a role for a while: to the others it is down. */
  silence(role: string, milliseconds: number): void
  /** An engine refuses an effect so often. */
  refuses(effect: string, times: number, code?: string): void
}

export type Story = (teller: Storyteller) => Promise<void>

const compute = { 'openstack-api-version': 'compute 2.37' }

export async function boot(teller: Storyteller, more: Readonly<Record<string, unknown>> = {}): Promise<Entry | undefined> {
  const reply = await teller.person.call('nova', 'POST', '/v2.1/servers', { server: { name: 'told', flavorRef: '1', imageRef: teller.template.imageId, networks: 'none', ...more } }, compute)
  return reply.status === 202 ? teller.ledger.add('server', String(reply.body.server.id), teller.project) : undefined
}

export async function settled(teller: Storyteller, server: Entry): Promise<void> {
  await teller.until(async () => {
    const { status, body } = await teller.person.call('nova', 'GET', `/v2.1/servers/${server.id}`)
    return status === 404 || (status === 200 && body.server['OS-EXT-STS:task_state'] === null && ['ACTIVE', 'ERROR', 'SHUTOFF'].includes(body.server.status))
  })
}

export const settledVolume = (teller: Storyteller, id: string) => teller.until(async () => {
  const { status, body } = await teller.person.call('cinder', 'GET', `/v3/${teller.person.projectId}/volumes/${id}`)
  return status === 404 || (status === 200 && ['available', 'in-use', 'error'].includes(body.volume.status))
})

export const removeServer = async (teller: Storyteller, server: Entry) => {
  await remove(teller, server, 'nova', `/v2.1/servers/${server.id}`)
  await teller.until(async () => (await teller.person.call('nova', 'GET', `/v2.1/servers/${server.id}`)).status === 404)
}

export async function networkOf(teller: Storyteller): Promise<{ network: string; subnet: string } | undefined> {
  const network = await create(teller, 'network', 'neutron', '/v2.0/networks', { network: { name: 'told' } })
  if (network === undefined) return undefined
  const subnet = await create(teller, 'subnet', 'neutron', '/v2.0/subnets', { subnet: { network_id: network, ip_version: 4, cidr: '10.9.0.0/24' } }, network)
  return subnet === undefined ? undefined : { network, subnet }
}

export async function volumeOf(teller: Storyteller, more: Readonly<Record<string, unknown>> = {}): Promise<Entry | undefined> {
  const id = await create(teller, 'volume', 'cinder', `/v3/${teller.person.projectId}/volumes`, { volume: { size: 1, name: 'told', ...more } })
  if (id === undefined) return undefined
  await settledVolume(teller, id)
  return teller.ledger.find(id)
}

/** The port that nova made for a server on its only network. */
export async function portOf(teller: Storyteller, server: Entry): Promise<string | undefined> {
  const { body } = await teller.person.call('neutron', 'GET', `/v2.0/ports?device_id=${server.id}`)
  return body?.ports?.[0]?.id as string | undefined
}

/** An administrator takes a network or router from its agent and gives it to another one, at once. */
export async function moveToOtherAgent(teller: Storyteller, type: string, where: string, collection: string, what: Readonly<Record<string, string>>): Promise<void> {
  let admin: Person | undefined
  let former: string | undefined
  await teller.until(async () => {
    // Nobody may be there now who lets the administrator in.
    admin ??= await teller.admin().catch(() => undefined)
    former = (await admin?.call('neutron', 'GET', where))?.body?.agents?.[0]?.id as string | undefined
    return former !== undefined
  })
  if (!admin || former === undefined) return
  const { body } = await admin.call('neutron', 'GET', `/v2.0/agents?agent_type=${encodeURIComponent(type)}`)
  const other = (body?.agents as readonly { id: string }[] | undefined)?.find(({ id }) => id !== former)
  if (!other) return
  heed(teller, await admin.call('neutron', 'DELETE', `/v2.0/agents/${former}/${collection}/${Object.values(what)[0]}`))
  heed(teller, await admin.call('neutron', 'POST', `/v2.0/agents/${other.id}/${collection}`, what))
}

export const action = (teller: Storyteller, server: Entry, body: object) => act(teller, server, 'nova', 'POST', `/v2.1/servers/${server.id}/action`, body)
