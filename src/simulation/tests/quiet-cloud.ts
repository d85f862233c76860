// A cloud with something of everything that came to rest without trouble, for tests that spoil one thing in it.
import { rmSync } from 'node:fs'
import { after } from 'node:test'
import { play } from '../history.ts'
import { create } from '../intents/actor.ts'
import type { Ledger } from '../ledger.ts'
import { noWorries } from '../plan.ts'
import { type AtRest, type Row, type Rows, rowsOf } from '../rows.ts'
import { copyOfWorld, type Storage } from '../storage.ts'
import { action, boot, networkOf, portOf, removeServer, settled, settledVolume, type Story, volumeOf } from '../storyteller.ts'
import { makeTemplate, scratch } from '../template.ts'

export interface QuietCloud {
  readonly rest: AtRest
  readonly ledger: Ledger
  /** One that must be there to be spoilt. */
  row(database: string, table: string, which: (row: Row) => boolean): Promise<Row>
}

const somethingOfEverything: Story = async (teller) => {
  const { person, template } = teller
  const net = await networkOf(teller)
  const group = await create(teller, 'security-group', 'neutron', '/v2.0/security-groups', { security_group: { name: 'friends' } })
  const volume = await volumeOf(teller, { name: 'data' })
  const router = await create(teller, 'router', 'neutron', '/v2.0/routers', { router: { name: 'way out', external_gateway_info: { network_id: template.publicNetworkId } } })
  if (!net || !volume || group === undefined || router === undefined) throw new Error('a quiet cloud refused what it was asked for')
  await create(teller, 'security-group-rule', 'neutron', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: group, direction: 'ingress', ethertype: 'IPv4', remote_group_id: group } }, group)
  await person.call('neutron', 'PUT', `/v2.0/routers/${router}/add_router_interface`, { subnet_id: net.subnet })
  await person.call('neutron', 'PUT', `/v2.0/routers/${router}`, { router: { routes: [{ destination: '10.77.0.0/24', nexthop: '10.9.0.200' }] } })
  await person.call('neutron', 'PUT', `/v2.0/subnets/${net.subnet}`, { subnet: { dns_nameservers: ['192.0.2.53'], host_routes: [{ destination: '10.78.0.0/24', nexthop: '10.9.0.200' }] } })
  const web = await boot(teller, { name: 'web', networks: [{ uuid: net.network }], security_groups: [{ name: 'friends' }] })
  const asleep = await boot(teller, { name: 'asleep' })
  const gone = await boot(teller, { name: 'gone' })
  if (!web || !asleep || !gone) throw new Error('a quiet cloud refused a server')
  for (const server of [web, asleep, gone]) await settled(teller, server)
  const elsewhere = { 'os:scheduler_hints': { different_host: [web.id] } }
  const { status, body } = await person.call('nova', 'POST', '/v2.1/servers', { server: { name: 'far', flavorRef: '1', imageRef: template.imageId, networks: [{ uuid: net.network }] }, ...elsewhere })
  if (status !== 202) throw new Error(`a quiet cloud refused a server elsewhere: ${JSON.stringify(body)}`)
  await settled(teller, teller.ledger.add('server', body.server.id, teller.project))
  await action(teller, asleep, { 'os-stop': null })
  await removeServer(teller, gone)
  await person.call('nova', 'POST', `/v2.1/servers/${web.id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })
  await settledVolume(teller, volume.id)
  const port = await portOf(teller, web)
  await create(teller, 'floatingip', 'neutron', '/v2.0/floatingips', { floatingip: { floating_network_id: template.publicNetworkId, port_id: port } as object })
  const image = await create(teller, 'image', 'glance', '/v2/images', { name: 'own', disk_format: 'raw', container_format: 'bare' } as never)
  await person.call('glance', 'PUT', `/v2/images/${image}/file`, `the bytes of ${image}`, { 'content-type': 'application/octet-stream' })
  teller.refuses('cinder create', 1)
  await volumeOf(teller, { name: 'spoilt' })
  teller.refuses('hypervisor spawn', 1)
  const broken = await boot(teller, { name: 'broken' })
  if (broken) await settled(teller, broken)
}

/** Its rows and engines as they are at rest, apart from the cloud itself. For a file of tests; its files go with that. */
export async function quietCloud(): Promise<QuietCloud> {
  const directory = scratch()
  after(() => rmSync(directory, { recursive: true, force: true }))
  const template = await makeTemplate(directory)
  let quiet: Pick<QuietCloud, 'rest' | 'ledger'> | undefined
  const { violations } = await play({ seed: 'quiet', actors: [], blows: [], trouble: noWorries, audits: false, scenario: 'quiet' }, {
    template, directory, stories: { quiet: somethingOfEverything },
    async atRest(storage, ledger) {
      quiet = { rest: { rows: await recorded(storage), kept: new Map([...storage.kept].map(([name, world]) => [name, copyOfWorld(world)])) }, ledger }
    },
  })
  if (!quiet || violations.length > 0) throw new Error(`a quiet cloud is not as it should be: ${violations.join('; ')}`)
  const { rest, ledger } = quiet
  return {
    rest, ledger,
    async row(database, table, which) {
      const found = (await rest.rows.of(database, table)).find(which)
      if (!found) throw new Error(`${table} has not what is to be spoilt`)
      return found
    },
  }
}

async function recorded(storage: Storage): Promise<Rows> {
  const rows = rowsOf(storage)
  const all = new Map<string, readonly Row[]>()
  for (const database of storage.names) {
    for (const { name } of (await rows.of(database, 'sqlite_master')).filter(({ type }) => type === 'table')) all.set(`${database} ${name}`, await rows.of(database, name))
  }
  return { of: async (database, table) => all.get(`${database} ${table}`) ?? [] }
}

/** Something that was done behind the back of the cloud. */
export type Spoiling = (rest: AtRest) => AtRest

export const rowsChanged = (database: string, table: string, change: (rows: readonly Row[]) => readonly Row[]): Spoiling => ({ rows, kept }) => ({
  kept, rows: { of: async (asked, name) => (asked === database && name === table ? change(await rows.of(asked, name)) : rows.of(asked, name)) },
})

type Which = (row: Row) => boolean

export const changed = (database: string, table: string, which: Which, set: Row): Spoiling => rowsChanged(database, table, (rows) => rows.map((row) => (which(row) ? { ...row, ...set } : row)))
export const removed = (database: string, table: string, which: Which): Spoiling => rowsChanged(database, table, (rows) => rows.filter((row) => !which(row)))
export const added = (database: string, table: string, row: Row): Spoiling => rowsChanged(database, table, (rows) => [...rows, row])

/** @param change gets a copy of the engine's world */
export const engineChanged = <W>(name: string, change: (world: W) => void): Spoiling => ({ rows, kept }) => {
  const world = copyOfWorld(kept.get(name)) as W
  change(world)
  return { rows, kept: new Map([...kept, [name, world]]) }
}
