// What the databases of a cloud promise, and what `ps`, `ip`, `nft` and `ls` say that the host has: each thing as one line, so that both can be compared.
// Independent of the auditors: it reads files, processes and the kernel by itself.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Rows } from '../../src/simulation/rows.ts'
import { rowViolations } from '../../src/simulation/rows-invariants.ts'
import { processesOf } from './host-state.ts'

const databases = ['keystone', 'glance', 'cinder', 'neutron', 'nova_api', 'nova_cell0', 'nova_cell1', 'placement'] as const
export type DatabaseName = (typeof databases)[number]
const withOperations: readonly DatabaseName[] = ['glance', 'cinder', 'neutron', 'nova_api', 'nova_cell0', 'nova_cell1']

type Row = Readonly<Record<string, string | number | null>>

/** A few questions to one database. */
export function query<T extends Row>(directory: string, database: DatabaseName, statement: string, ...values: readonly (string | number)[]): T[] {
  const opened = new DatabaseSync(join(directory, 'data', 'db', `${database}.db`), { readOnly: true, timeout: 5000 })
  try {
    return opened.prepare(statement).all(...values) as T[]
  } finally {
    opened.close()
  }
}

/** All rows of all databases, as the invariants of the simulation look at them. */
export function rowsIn(directory: string): Rows {
  return { of: async (database, table) => query(directory, database as DatabaseName, `select * from ${table}`) }
}

/** Operations that are not over, each with its last step. */
export function openOperations(directory: string): string[] {
  return withOperations.flatMap((database) => query<{ kind: string; status: string; steps: string | null }>(directory, database, `
    select kind, status, (select step || ' ' || phase || ' ' || s.status from operation_steps s where s.operation_id = o.id order by sequence desc limit 1) as steps
    from operations o where finished_at is null order by created_at`).map(({ kind, status, steps }) => `${kind} ${status}${steps === null ? '' : ` (${steps})`}`))
}

/** What rows say that there should be. */
export function promised(directory: string): string[] {
  const ask = <T extends Row>(database: DatabaseName, statement: string) => query<T>(directory, database, statement)
  const instances = ask<{ uuid: string; vm_state: string; host: string | null }>('nova_cell1', 'select uuid, vm_state, host from instances where deleted = 0')
  const elsewhere = ask<{ uuid: string }>('nova_cell0', 'select uuid from instances where deleted = 0')
  const built = instances.filter(({ vm_state, host }) => host !== null && ['active', 'stopped', 'paused'].includes(vm_state))
  const ports = ask<{ id: string; mac_address: string; device_owner: string; device_id: string; host_id: string; vif_type: string; leased: number }>('neutron', `
    select id, mac_address, device_owner, device_id, host_id, vif_type, exists (select 1 from subnets s where s.network_id = p.network_id and s.enable_dhcp) as leased from ports p
    where device_owner <> 'network:floatingip'`)
  const bound = ports.filter(({ device_owner: owner, host_id: host, vif_type: vif }) => owner.startsWith('network:') || (host !== '' && vif === 'bridge'))
  const ofServers = bound.filter(({ device_owner: owner }) => owner.startsWith('compute:'))
  const groups = new Set(ask<{ port_id: string; security_group_id: string }>('neutron', 'select port_id, security_group_id from port_security_groups')
    .filter(({ port_id: port }) => ofServers.some(({ id }) => id === port)).map(({ security_group_id: group }) => group))
  return [
    ...built.flatMap(({ uuid, vm_state: state }) => [`folder ${uuid}`, `room ${uuid}`, ...(state === 'stopped' ? [] : [`guest ${uuid}`])]),
    ...[...instances, ...elsewhere].map(({ uuid }) => `server ${uuid}`),
    ...bound.map(({ id }) => `tap ${id.slice(0, 11)}`),
    ...ask<{ network: string }>('neutron', 'select network_id as network from ports where device_owner = \'network:dhcp\'').map(({ network }) => `dhcp ${network}`),
    ...ofServers.flatMap(({ id }) => ['from', 'to', 'in', 'eg'].map((chain) => `filter ${chain}-${id}`)),
    ...[...groups].map((group) => `group ${group}`),
    ...ofServers.filter(({ leased }) => leased).map(({ mac_address: mac }) => `lease ${mac}`),
    ...ask<{ port: string; server: string }>('nova_cell1', 'select v.uuid as port, instance_uuid as server from virtual_interfaces v join instances i on i.uuid = v.instance_uuid where i.deleted = 0')
      .map(({ port, server }) => `port ${port} of ${server}`),
    ...ask<{ id: string }>('cinder', 'select id from volumes').map(({ id }) => `volume ${id}`),
    ...ask<{ volume: string }>('cinder', 'select distinct volume_id as volume from volume_attachments').map(({ volume }) => `export ${volume}`),
    ...ask<{ volume: string; server: string }>('nova_cell1', `
      select volume_id as volume, instance_uuid as server from block_device_mappings b join instances i on i.uuid = b.instance_uuid
      where i.deleted = 0 and volume_id is not null`).map(({ volume, server }) => `attachment of ${volume} to ${server}`),
    ...ask<{ bits: string }>('glance', 'select bits from images where bits is not null').map(({ bits }) => `bits ${bits}`),
  ].sort()
}

/** What there is, in the same words; where two services keep a thing in their rows, the neighbour's rows. */
export async function found(directory: string): Promise<string[]> {
  const ask = <T extends Row>(database: DatabaseName, statement: string) => query<T>(directory, database, statement)
  const { prefix } = JSON.parse(readFileSync(join(directory, 'cloud.json'), 'utf8')) as { prefix: string }
  const data = join(directory, 'data')
  const inFabric = (...command: string[]) => execFileSync('/usr/sbin/ip', ['netns', 'exec', `${prefix}-fabric`, ...command], { encoding: 'utf8' })
  const links = (JSON.parse(inFabric('ip', '-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname)
  const chains = [...inFabric('nft', '-t', 'list', 'ruleset').matchAll(/chain (\S+) \{/g)].flatMap(([, name]) => name ?? [])
  const list = (...path: string[]) => existsSync(join(data, ...path)) ? readdirSync(join(data, ...path)) : []
  const networks = list('neutron', 'dhcp')
  const processes = processesOf(directory)
  return [
    ...processes.flatMap((line) => /qemu-system\S* .*-uuid (\S+)/.exec(line)?.[1] ?? []).map((id) => `guest ${id}`),
    ...processes.flatMap((line) => /^\d+ \S*dnsmasq .*\/dhcp\/(\S+)\/hosts/.exec(line)?.[1] ?? []).map((network) => `dhcp ${network}`),
    ...list('nova', 'qemu', 'servers').map((id) => `folder ${id}`),
    ...ask<{ consumer: string }>('placement', 'select distinct consumer_uuid as consumer from allocations').map(({ consumer }) => `room ${consumer}`),
    ...ask<{ id: string }>('nova_api', 'select instance_uuid as id from instance_mappings where not queued_for_delete').map(({ id }) => `server ${id}`),
    ...ask<{ id: string }>('nova_api', 'select instance_uuid as id from build_requests').map(({ id }) => `plan ${id}`),
    ...links.filter((name) => name.startsWith('tap')).map((name) => `tap ${name.slice(3)}`),
    ...chains.filter((name) => /^(?:from|to|in|eg)-[0-9a-f]{8}-/.test(name)).map((name) => `filter ${name}`),
    ...new Set(chains.flatMap((name) => /^(?:i|e|ir|er)-([0-9a-f-]{36})$/.exec(name)?.[1] ?? []).map((group) => `group ${group}`)),
    ...networks.flatMap((network) => readFileSync(join(data, 'neutron', 'dhcp', network, 'hosts'), 'utf8').split('\n').filter((line) => line !== '').map((line) => `lease ${line.split(',')[0]}`)),
    ...ask<{ port: string; server: string }>('neutron', 'select id as port, device_id as server from ports where device_owner like \'compute:%\'').map(({ port, server }) => `port ${port} of ${server}`),
    ...list('cinder', 'volumes').filter((name) => /\.qcow2/.test(name)).map((name) => `volume ${name.replace(/\.qcow2$/, '')}`),
    ...(await exportsOf(data)).map((volume) => `export ${volume}`),
    ...ask<{ volume: string; server: string }>('cinder', 'select volume_id as volume, instance_uuid as server from volume_attachments').map(({ volume, server }) => `attachment of ${volume} to ${server}`),
    ...list('images').map((bits) => `bits ${bits}`),
  ].sort()
}

/** Links, namespaces and daemons, without those that follow the servers. */
export function surroundings(directory: string): string[] {
  const { prefix } = JSON.parse(readFileSync(join(directory, 'cloud.json'), 'utf8')) as { prefix: string }
  const output = (...command: string[]) => execFileSync('/usr/sbin/ip', command, { encoding: 'utf8' })
  const data = join(directory, 'data')
  return [
    ...output('netns', 'list').split('\n').map((line) => line.split(' ')[0] ?? '').filter((name) => name.startsWith(`${prefix}-`)).map((name) => `namespace ${name}`),
    ...(JSON.parse(output('netns', 'exec', `${prefix}-fabric`, 'ip', '-j', 'link')) as { ifname: string; master?: string }[]).map(({ ifname, master = '-' }) => `link ${ifname} at ${master}`),
    ...processesOf(directory).flatMap((line) => /^\d+ (\S*(?:dnsmasq|qemu-storage-daemon|qemu-system\S*)) /.exec(line)?.[1] ?? []).map((name) => `process ${name}`),
    ...['dnsmasq', 'qemu', 'qemu-storage-daemon'].flatMap((kind) => readdirSync(join(data, 'privileged', kind)).map((name) => `record ${kind} ${name}`)),
    ...readdirSync(join(data, 'nova', 'qemu', 'images')).map((name) => `cached ${name}`),
    ...readdirSync(join(data, 'cinder', 'incoming')).map((name) => `incoming ${name}`),
  ].sort()
}

/** Where the two differ, each line with the side that has it. */
async function disagreements(directory: string): Promise<string[]> {
  const [rows, things] = [promised(directory), await found(directory)]
  return [...rows.filter((line) => !things.includes(line)).map((line) => `promised: ${line}`), ...things.filter((line) => !rows.includes(line)).map((line) => `found: ${line}`)]
}

/** All that is wrong with a cloud at rest: what differs between rows and reality, and what is wrong with the rows by themselves. */
export async function wrongs(directory: string): Promise<readonly string[]> {
  return [...(await disagreements(directory)), ...(await rowViolations(rowsIn(directory)))]
}

/** What the storage daemon serves; nothing when it does not run. */
async function exportsOf(data: string): Promise<string[]> {
  const exports = (await ask(join(data, 'cinder', 'volumes', 'run', 'qmp2'), 'query-block-exports')) as { id: string }[] | undefined
  return exports?.map(({ id }) => id.replace(/^export-/, '')) ?? []
}

/** How QEMU says that a guest is: `running`, `io-error` …; nothing when it does not run. */
export async function guestStatus(directory: string, serverId: string): Promise<string | undefined> {
  const found = (await ask(join(directory, 'data', 'nova', 'qemu', 'servers', serverId, 'run', 'qmp2'), 'query-status')) as { status: string } | undefined
  return found?.status
}

/** What a program answers that is not there, or just ends. */
const atItsEnd: readonly string[] = ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE']

/** One question on the monitor that the cloud leaves free; nothing when nobody is there. */
function ask(path: string, command: string): Promise<unknown> {
  if (!existsSync(path)) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    socket.setTimeout(10_000, () => socket.destroy(new Error(`${path} does not answer.`)))
    socket.on('error', (error: NodeJS.ErrnoException) => atItsEnd.includes(error.code ?? '') ? resolve(undefined) : reject(error))
    socket.once('connect', () => socket.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n${JSON.stringify({ execute: command, id: 'asked' })}\n`))
    socket.on('close', () => resolve(undefined))
    socket.on('data', (chunk) => {
      text += String(chunk)
      const line = text.split('\n').find((each) => each.includes('"asked"') && each.trimEnd().endsWith('}'))
      if (line === undefined) return
      resolve((JSON.parse(line) as { return: unknown }).return)
      socket.destroy()
    })
  })
}
