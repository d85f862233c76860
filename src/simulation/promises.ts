// Whether what people were told is true of a cloud at rest: what they made, changed, asked for and took away.
import type { MemoryStoreWorld } from '../services/glance/drivers/memory/index.ts'
import type { Aspect } from './changes.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Noun } from './nouns.ts'
import { type AtRest, operationDatabases, type Row, type Rows, type Say } from './rows.ts'

export async function promisesAreKept(rest: AtRest, ledger: Ledger, say: Say): Promise<void> {
  const { rows } = rest
  await whatWasMadeIsThere(rows, ledger, say)
  await whatWasChangedIsSo(rest, ledger, say)
  await whatWasAcceptedIsKnown(rows, ledger, say)
  await whatServersWereGivenIsThere(rows, ledger, say)
  await volumesAreAsLargeAsTheyGrew(rows, say)
}

const tables: Readonly<Record<Exclude<Noun, 'server'>, readonly [database: string, table: string, key?: string]>> = {
  volume: ['cinder', 'volumes'], network: ['neutron', 'networks'], subnet: ['neutron', 'subnets'], port: ['neutron', 'ports'], router: ['neutron', 'routers'],
  floatingip: ['neutron', 'floating_ips'], 'security-group': ['neutron', 'security_groups'], 'security-group-rule': ['neutron', 'security_group_rules'], image: ['glance', 'images'],
  project: ['keystone', 'projects'], user: ['keystone', 'users'], role: ['keystone', 'roles'], 'server-group': ['nova_api', 'server_groups', 'uuid'],
}

const serversEver = async (rows: Rows) => [...(await rows.of('nova_cell1', 'instances')), ...(await rows.of('nova_cell0', 'instances'))]
const serversOf = async (rows: Rows) => (await serversEver(rows)).filter((row) => row['deleted'] === 0)

/** What was acknowledged is there; what was acknowledged to go is gone. */
async function whatWasMadeIsThere(rows: Rows, ledger: Ledger, say: Say): Promise<void> {
  const there = new Map<Noun, Set<string>>([['server', new Set((await serversOf(rows)).map((row) => String(row['uuid'])))]])
  for (const [noun, [database, table, key = 'id']] of Object.entries(tables)) there.set(noun as Noun, new Set((await rows.of(database, table)).map((row) => String(row[key]))))
  const isThere = ({ noun, id }: Entry) => there.get(noun)?.has(id) === true
  const ever = await serversEver(rows)
  for (const entry of ledger.all()) {
    if (entry.removal === 'none' && !isThere(entry)) say(`${entry.noun} ${entry.id} was acknowledged, nobody removed it, and it is gone`)
    if (entry.removal === 'acknowledged' && isThere(entry)) say(`${entry.noun} ${entry.id} was acknowledged to go, and it is there`)
    const reservation = ever.find((row) => row['uuid'] === entry.id)?.['reservation_id'] as string | undefined
    if (entry.together === undefined || reservation === undefined) continue
    const others = ever.filter((row) => row['reservation_id'] === reservation && row['uuid'] !== entry.id && row['deleted'] === 0).length
    if (others !== entry.together - 1) say(`server ${entry.id} was acknowledged as one of ${entry.together}, and of the others ${others} are there`)
  }
}

type Look = (id: string, of: string) => string | undefined

/** How each aspect that people change is seen; nothing where the thing itself is gone. */
async function looks({ rows, kept }: AtRest): Promise<Readonly<Partial<Record<Noun, Look>>>> {
  const byId = async (database: string, table: string, key = 'id') => new Map((await rows.of(database, table)).map((row) => [String(row[key]), row]))
  const servers = new Map((await serversOf(rows)).map((row) => [String(row['uuid']), row]))
  const [volumes, ports, routers, floating, images] = [
    await byId('cinder', 'volumes'), await byId('neutron', 'ports'), await byId('neutron', 'routers'), await byId('neutron', 'floating_ips'), await byId('glance', 'images'),
  ]
  const users = await byId('keystone', 'users')
  const subnets = await byId('neutron', 'subnets')
  const serverGroups = new Map((await rows.of('nova_api', 'server_groups')).map((row) => [row['id'], row]))
  const groupMembers = await byId('nova_api', 'server_group_members', 'instance_uuid')
  const memberships = await rows.of('neutron', 'port_security_groups')
  const addresses = await rows.of('neutron', 'ip_allocations')
  const assignments = await rows.of('keystone', 'assignments')
  const store = kept.get('glance') as MemoryStoreWorld | undefined
  const isInterface = (router: string, subnet: string) => addresses.some((row) => {
    const port = row['subnet_id'] === subnet ? ports.get(row['port_id']) : undefined
    return port?.['device_id'] === router && port['device_owner'] === 'network:router_interface'
  })
  const hasRole = (user: string, role: string | undefined, project: string) => assignments.some((row) => row['actor_id'] === user && row['target_id'] === project && row['role_id'] === role)
  const there = (is: boolean) => (is ? 'there' : 'gone')
  const second = (of: string) => of.split(' ').at(-1) ?? ''
  return {
    server: (id, of) => of === 'name' || !servers.has(id) ? servers.get(id)?.['display_name'] : (serverGroups.get(groupMembers.get(id)?.['group_id'])?.['uuid'] ?? 'none'),
    volume: (id) => volumes.get(id)?.['display_name'],
    port: (id, of) => of === 'addresses' && ports.has(id) ? addresses.filter((row) => row['port_id'] === id).map((row) => String(row['ip_address'])).sort().join(' ') : of === 'name' ? ports.get(id)?.['name'] : ports.has(id) ? memberships.filter((row) => row['port_id'] === id).map((row) => String(row['security_group_id'])).sort().join(' ') : undefined,
    subnet: (id, of) => {
      const subnet = subnets.get(id)
      if (!subnet || of === 'gateway') return subnet && (subnet['gateway_ip'] ?? 'none')
      if (of === 'resolvers') return (JSON.parse(subnet['dns_nameservers']) as string[]).join(' ')
      return (JSON.parse(subnet['host_routes']) as { destination: string; nexthop: string }[]).map(({ destination, nexthop }) => `${destination} by ${nexthop}`).join(' ')
    },
    router: (id, of) => {
      const router = routers.get(id)
      if (!router) return undefined
      return of === 'gateway' ? (router['gateway_port_id'] === null ? 'none' : router['gateway_network_id']) : there(isInterface(id, second(of)))
    },
    floatingip: (id) => floating.has(id) ? (floating.get(id)?.['fixed_port_id'] ?? 'none') : undefined,
    user: (id, of) => users.has(id) ? there(hasRole(id, of.split(' ')[1], second(of))) : undefined,
    image: (id) => {
      const image = images.get(id)
      return image?.['status'] === 'active' ? String(store?.kept.get(image['bits'])) : image && `nothing, and is ${image['status']}`
    },
  }
}

/** What an aspect leads to may go, and it with that: nobody has to say so. */
function mayBeVoid({ noun, of }: Aspect, values: ReadonlySet<string>, ledger: Ledger): boolean {
  const gone = (id: string) => (ledger.find(id)?.removal ?? 'none') !== 'none'
  if (noun === 'floatingip' || of === 'group') return [...values].some(gone)
  return of.split(' ').slice(1).some(gone)
}

async function whatWasChangedIsSo(rest: AtRest, ledger: Ledger, say: Say): Promise<void> {
  const all = await looks(rest)
  for (const { aspect, values } of ledger.changes.promised()) {
    if (ledger.find(aspect.id)?.removal !== 'none' || mayBeVoid(aspect, values, ledger)) continue
    const seen = all[aspect.noun]?.(aspect.id, aspect.of)
    // That it is gone altogether is said elsewhere.
    if (seen !== undefined && !values.has(seen)) say(`${aspect.noun} ${aspect.id} was acknowledged to have as ${aspect.of} ${[...values].join(' or ')}, and has ${seen}`)
  }
}

/** An operation that somebody was told of is known, so that its end says what became of it. */
async function whatWasAcceptedIsKnown(rows: Rows, ledger: Ledger, say: Say): Promise<void> {
  const known = new Set<string>()
  for (const database of operationDatabases) for (const row of await rows.of(database, 'operations')) known.add(row['id'])
  for (const id of ledger.accepted) if (!known.has(id)) say(`operation ${id} was accepted, and nobody knows it`)
}

const attaching: Readonly<Record<string, boolean>> = {
  'server.attach-volume': true, 'server.detach-volume': false, 'server.attach-interface': true, 'server.detach-interface': false, 'server.lose-interface': false,
}

/** What the last operation that was carried out left: a server has what it was given, and not what was taken from it. */
async function whatServersWereGivenIsThere(rows: Rows, ledger: Ledger, say: Say): Promise<void> {
  const resting = new Set((await serversOf(rows)).filter((row) => row['vm_state'] !== 'error').map((row) => row['uuid']))
  const disks = await rows.of('nova_cell1', 'block_device_mappings')
  const interfaces = await rows.of('nova_cell1', 'virtual_interfaces')
  const steps = await rows.of('nova_cell1', 'operation_steps')
  const ports = new Set((await rows.of('neutron', 'ports')).map((row) => row['id']))
  const subjectOf = (operation: Row): string | undefined => {
    const { volumeId, portId } = JSON.parse(operation['input']) as { volumeId?: string; portId?: string }
    const made = steps.find((step) => step['operation_id'] === operation['id'] && step['step'] === 'create-port' && step['phase'] === 'run' && step['result'] !== null)
    return volumeId ?? portId ?? (made ? (JSON.parse(made['result']) as { portId: string }).portId : undefined)
  }
  // As they were written: of one server and one thing the next begins when the one before is over. Their times do not tell, since clocks are moved.
  const kept = new Set(steps.filter((step) => step['step'] === 'unplug' && step['result'] !== null && (JSON.parse(step['result']) as { keeps?: boolean }).keeps).map((step) => step['operation_id']))
  const done = (await rows.of('nova_cell1', 'operations')).filter((row) => Object.hasOwn(attaching, row['kind']) && row['status'] === 'done' && resting.has(row['resource_id']) && !kept.has(row['id']))
  for (const [pair, operations] of Map.groupBy(done, (row) => `${row['resource_id']} ${subjectOf(row)}`)) {
    const [server = '', subject = ''] = pair.split(' ')
    const last = operations.at(-1)
    if (!last) continue
    const ofVolume = String(last['kind']).endsWith('volume')
    const has = ofVolume ? disks.some((row) => row['instance_uuid'] === server && row['volume_id'] === subject) : interfaces.some((row) => row['instance_uuid'] === server && row['uuid'] === subject)
    // A port may go without a word to its server, which then lets go of it.
    const mayGo = !ofVolume && ((ledger.find(subject)?.removal ?? 'none') !== 'none' || !ports.has(subject))
    if (attaching[last['kind']] === true && !has && !mayGo) say(`server ${server} was given ${ofVolume ? 'volume' : 'port'} ${subject}, and does not have it`)
    if (attaching[last['kind']] === false && has) say(`server ${server} was rid of ${ofVolume ? 'volume' : 'port'} ${subject}, and has it`)
  }
}

/** A volume is as large as the last growth made it that was carried out, or as it was before all of them. */
async function volumesAreAsLargeAsTheyGrew(rows: Rows, say: Say): Promise<void> {
  const volumes = new Map((await rows.of('cinder', 'volumes')).map((row) => [row['id'], row]))
  const growths = (await rows.of('cinder', 'operations')).filter((row) => row['kind'] === 'volume.extend' && volumes.has(row['resource_id']))
  for (const [id, own] of Map.groupBy(growths, (row) => String(row['resource_id']))) {
    const asked = own.map((row) => ({ done: row['status'] === 'done', ...(JSON.parse(row['input']) as { fromGiB: number; toGiB: number }) }))
    const size = asked.findLast(({ done }) => done)?.toGiB ?? asked[0]?.fromGiB
    if (volumes.get(id)?.['size'] !== size) say(`volume ${id} grew to ${size} GiB, and has ${volumes.get(id)?.['size']}`)
  }
}
