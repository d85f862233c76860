// Where nova's servers differ from what hosts, placement, neutron and cinder have of them. Pure functions.
import type { Difference } from '#core/audit'
import { type AuditedServer, type Books, orphaned } from './books.ts'

export interface FoundOnHost {
  readonly guests: readonly {
    readonly serverId: string
    readonly powerState: string
    /** Of one that does not run, or does not answer, it is not known. */
    readonly plugged?: { readonly volumeIds: readonly string[]; readonly portIds: readonly string[] }
  }[]
  readonly images: readonly { readonly imageId: string; readonly used: boolean }[]
}

/** What a resting server's guest is to do, by vm state; of the others nothing is expected. */
const expectedPower: Readonly<Record<string, 'running' | 'paused' | 'off'>> = { active: 'running', paused: 'paused', stopped: 'off' }
const realPower = (state: string): 'running' | 'paused' | 'off' => (state === 'running' || state === 'paused' ? state : 'off')

export function compareHost(host: string, { servers, atWork, fates }: Books, found: FoundOnHost): Difference[] {
  const differences: Difference[] = []
  const say = (kind: string, resource: string, message: string, about?: Difference['about']) => differences.push({ kind, resource, host, message, ...(about && { about }) })
  for (const { serverId, powerState } of found.guests) {
    const server = servers.get(serverId)
    if (atWork.has(serverId)) continue
    if (server) {
      if (server.host !== host) say('guest.elsewhere', serverId, `The host ${host} has a guest (${powerState}) of the server ${serverId}, which is on ${server.host ?? 'no host'}.`)
      continue
    }
    const fate = orphaned({ servers, atWork, fates }, serverId)
    if (fate === 'deleted') say('guest.of-deleted-server', serverId, `The host ${host} has a guest (${powerState}) of the server ${serverId}, which was deleted.`)
    if (fate === 'unknown') say('guest.stray', serverId, `The host ${host} has a guest (${powerState}) of the server ${serverId}, which nova does not know.`)
  }
  const guests = new Map(found.guests.map((guest) => [guest.serverId, guest.powerState]))
  for (const server of servers.values()) {
    if (server.host !== host || atWork.has(server.id) || server.taskState !== null) continue
    const expected = expectedPower[server.vmState]
    if (!expected) continue
    const state = guests.get(server.id)
    if (state === undefined) say('guest.missing', server.id, `The server ${server.id} is ${server.vmState}, and its host ${host} has no guest of it.`)
    else if (realPower(state) !== expected) {
      say('server.power', server.id, `The server ${server.id} is ${server.vmState}, and its guest is ${state}.`, { vmState: server.vmState, real: realPower(state) })
    }
  }
  return differences
}

export interface Devices {
  readonly volumes: readonly { readonly instance_uuid: string; readonly volume_id: string | null; readonly connected: boolean }[]
  readonly ports: readonly { readonly portId: string; readonly serverId: string }[]
}

/** What is plugged into guests that run, beside what their servers have. Disks that the host keeps itself, and the config drive, are not among it. */
export function compareDevices(host: string, books: Books, { guests }: FoundOnHost, { volumes, ports }: Devices): Difference[] {
  const differences: Difference[] = []
  const [volumesOf, portsOf] = [Map.groupBy(volumes, (each) => each.instance_uuid), Map.groupBy(ports, (each) => each.serverId)]
  for (const { serverId, powerState, plugged } of guests) {
    const server = resting(books, serverId)
    if (!plugged || server?.host !== host || realPower(powerState) === 'off' || expectedPower[server.vmState] !== realPower(powerState)) continue
    const about = { serverId }
    const compare = (noun: 'volume' | 'port', is: readonly string[], mustBe: readonly string[], mayBe: readonly string[]) => {
      for (const id of mustBe) if (!is.includes(id)) differences.push({ kind: `guest.${noun}-missing`, resource: id, host, about, message: `The server ${serverId} has the ${noun} ${id}, and its running guest does not.` })
      for (const id of is) if (!mayBe.includes(id)) differences.push({ kind: `guest.${noun}-stray`, resource: id, host, about, message: `The guest of the server ${serverId} has the ${noun} ${id}, and the server does not.` })
    }
    const disks = (volumesOf.get(serverId) ?? []).map((each) => ({ id: each.volume_id ?? '', connected: each.connected }))
    const cards = (portsOf.get(serverId) ?? []).map(({ portId }) => portId)
    compare('volume', plugged.volumeIds, disks.filter(({ connected }) => connected).map(({ id }) => id), disks.map(({ id }) => id))
    compare('port', plugged.portIds, cards, cards)
  }
  return differences
}

/** Servers in a state that only an operation may leave them in, with none. */
export function compareStates({ servers, atWork }: Books): Difference[] {
  return [...servers.values()].filter((server) => !atWork.has(server.id) && (server.taskState !== null || server.vmState === 'building')).map((server) => ({
    kind: 'server.unowned', resource: server.id,
    message: `The server ${server.id} is ${server.taskState ?? server.vmState}, and no operation works on it.`,
  }))
}

/** Images that no guest of a host stands on and no server there was made from, which glance does not have any more. */
export function staleImages(host: string, { servers }: Books, found: FoundOnHost, gone: ReadonlySet<string>): Difference[] {
  return unusedImages(host, servers.values(), found).filter((id) => gone.has(id))
    .map((id) => ({ kind: 'image-cache.stale', resource: id, host, message: `The host ${host} keeps the image ${id}, which is deleted and which no guest uses.` }))
}

export function unusedImages(host: string, servers: Iterable<AuditedServer>, { images }: FoundOnHost): string[] {
  const wanted = new Set([...servers].filter((server) => server.host === host).map(({ imageId }) => imageId))
  return images.filter(({ imageId, used }) => !used && !wanted.has(imageId)).map(({ imageId }) => imageId)
}

type Amounts = Readonly<Record<string, number>>

export interface Provider {
  readonly id: string
  /** Its compute host, or the name of a provider that is none. */
  readonly host: string
  readonly isHost: boolean
  readonly held: ReadonlyMap<string, Amounts>
}

/** @param needs what servers take of their host, as far as it is known */
export function compareAllocations(books: Books, providers: readonly Provider[], needs: ReadonlyMap<string, Amounts>): Difference[] {
  const differences: Difference[] = []
  const say = (kind: string, resource: string, host: string, message: string) => differences.push({ kind, resource, host, message })
  const heldBy = new Map<string, Map<string, Amounts>>()
  for (const { id, host, isHost, held } of providers) {
    for (const [consumer, amounts] of held) {
      heldBy.set(consumer, (heldBy.get(consumer) ?? new Map()).set(host, amounts))
      const fate = orphaned(books, consumer)
      if (fate === 'deleted') say('allocation.of-deleted-server', consumer, host, `Placement holds room on ${host} for the server ${consumer}, which was deleted.`)
      // Of what is no host of nova's others may hold something.
      if (fate === 'unknown' && isHost) say('allocation.stray', consumer, host, `Placement holds room on ${host} (provider ${id}) for ${consumer}, which nova does not know.`)
    }
  }
  const hosts = new Set(providers.filter(({ isHost }) => isHost).map(({ host }) => host))
  for (const { id, host, vmState } of books.servers.values()) {
    if (host === null || !hosts.has(host) || books.atWork.has(id) || vmState === 'building') continue
    const held = heldBy.get(id)
    const [own, needed] = [held?.get(host), needs.get(id)]
    const others = [...(held?.keys() ?? [])].filter((each) => each !== host).join(', ')
    if (!held) say('allocation.missing', id, host, `The server ${id} is on ${host}, and placement holds no room for it.`)
    else if (!own) say('allocation.elsewhere', id, host, `The server ${id} is on ${host}, and placement holds its room on ${others}.`)
    else if (others !== '') say('allocation.double', id, host, `The server ${id} is on ${host}, and placement holds room for it on ${others} too.`)
    else if (needed && inWords(own) !== inWords(needed)) say('allocation.amount', id, host, `The server ${id} needs ${inWords(needed)}, and placement holds ${inWords(own)} for it on ${host}.`)
  }
  return differences
}

const inWords = (amounts: Amounts) => Object.entries(amounts).map(([name, amount]) => `${name} ${amount}`).sort((a, b) => a.localeCompare(b)).join(', ')

interface PortNaming {
  readonly id: string
  readonly projectId: string
  readonly deviceId: string
  /** False for one whose owner calls it something else: the server has it all the same. */
  readonly ofServer: boolean
  /** Empty when it is bound to none. */
  readonly host: string
  /** Its binding failed. */
  readonly unpluggable: boolean
}

export function comparePorts(books: Books, ports: readonly PortNaming[], own: readonly { readonly portId: string; readonly serverId: string }[]): Difference[] {
  const differences: Difference[] = []
  const say = (kind: string, resource: string, message: string, serverId?: string) => differences.push({ kind, resource, message, ...(serverId !== undefined && { about: { serverId } }) })
  const pair = (portId: string, serverId: string) => `${portId} ${serverId}`
  const had = new Set(own.map(({ portId, serverId }) => pair(portId, serverId)))
  for (const { id, projectId, deviceId, ofServer } of ports) {
    if (!ofServer) continue
    const fate = orphaned(books, deviceId)
    if (fate) say('port.stray', id, `The port ${id} belongs to the server ${deviceId}, which ${fate === 'deleted' ? 'was deleted' : 'nova does not know'}.`)
    const server = resting(books, deviceId)
    // Anybody may write a server's id on a port: one of another project is none of its.
    if (server?.projectId === projectId && !had.has(pair(id, deviceId))) say('port.untold', id, `The port ${id} belongs to the server ${deviceId}, which does not have it among its interfaces.`, deviceId)
  }
  const there = new Map(ports.map((port) => [pair(port.id, port.deviceId), port]))
  for (const { portId, serverId } of own) {
    if (books.atWork.has(serverId) || !books.servers.has(serverId)) continue
    const [port, server] = [there.get(pair(portId, serverId)), resting(books, serverId)]
    if (!port) say('port.missing', portId, `The server ${serverId} has the port ${portId}, which neutron does not know as its own.`, serverId)
    else if (server && port.host !== server.host) say('port.elsewhere', portId, `The server ${serverId} is on ${server.host}, and its port ${portId} is bound to ${port.host === '' ? 'no host' : port.host}.`, serverId)
    else if (server && port.unpluggable) say('port.binding-failed', portId, `The server ${serverId} is on ${server.host}, and its port ${portId} could not be plugged in there.`, serverId)
  }
  return differences
}

/** A server on a host that nobody works on, and of whose guest something is expected. */
export function resting({ servers, atWork }: Books, serverId: string): AuditedServer | undefined {
  const server = servers.get(serverId)
  return server && server.host !== null && !atWork.has(serverId) && server.taskState === null && expectedPower[server.vmState] ? server : undefined
}

interface AttachmentNaming {
  readonly id: string
  readonly volumeId: string
  readonly serverId: string
}

export function compareAttachments(books: Books, attachments: readonly AttachmentNaming[], devices: readonly { readonly instance_uuid: string; readonly volume_id: string | null }[]): Difference[] {
  const differences: Difference[] = []
  const pair = (serverId: string, volumeId: string) => `${serverId} ${volumeId}`
  const own = new Set(devices.map((device) => pair(device.instance_uuid, device.volume_id ?? '')))
  for (const { id, volumeId, serverId } of attachments) {
    const fate = orphaned(books, serverId)
    if (fate === 'deleted') differences.push({ kind: 'attachment.of-deleted-server', resource: id, message: `The volume ${volumeId} is attached to the server ${serverId}, which was deleted.` })
    else if (fate === 'unknown') differences.push({ kind: 'attachment.stray', resource: id, message: `The volume ${volumeId} is attached to the server ${serverId}, which nova does not know.` })
    else if (books.servers.has(serverId) && !books.atWork.has(serverId) && !own.has(pair(serverId, volumeId))) {
      differences.push({ kind: 'attachment.stray', resource: id, message: `The volume ${volumeId} is attached to the server ${serverId}, which does not have it.` })
    }
  }
  const there = new Set(attachments.map(({ serverId, volumeId }) => pair(serverId, volumeId)))
  for (const { instance_uuid: serverId, volume_id: volumeId } of devices) {
    if (volumeId === null || books.atWork.has(serverId) || !books.servers.has(serverId) || there.has(pair(serverId, volumeId))) continue
    if (books.servers.get(serverId)?.vmState === 'error') continue
    differences.push({ kind: 'attachment.missing', resource: volumeId, message: `The server ${serverId} has the volume ${volumeId}, and cinder knows no attachment of it.` })
  }
  return differences
}
