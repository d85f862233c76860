// Nova's auditor: its servers beside what hosts, placement, neutron and cinder have of them.
import { type Check, type Difference, type Kind, overdueCheck, programsCheck, startAuditor } from '#core/audit'
import type { RequestContext } from '#core/context'
import { AppError } from '#core/errors'
import type { Role } from '#core/service'
import { portsToAudit, volumesToAudit } from '../db/audit.ts'
import { allSpecs } from '../db/build-requests.ts'
import { listComputeNodes } from '../db/hosts.ts'
import { readBooks } from '../domain/audit/books.ts'
import { compareAllocations, compareAttachments, compareDevices, compareHost, comparePorts, compareStates, type FoundOnHost, type Provider, staleImages, unusedImages } from '../domain/audit/compare.ts'
import { bindToHost, correctAllocation, dropImage, freeServer, healAllocation, releaseAllocation, removeAttachment, removeGuest, removePort, settleInterface, settleVolume, syncPower, tellPorts } from '../domain/audit/repairs.ts'
import type { Nova } from '../domain/nova.ts'
import { demandOf } from '../domain/scheduling/resources.ts'
import type { PlacementRequest } from '../model/server.ts'
import { imageExists } from '../neighbours/images.ts'
import { portsOfServers } from '../neighbours/network.ts'
import { heldOf, providerNames } from '../neighbours/placement.ts'
import { allAttachments } from '../neighbours/volumes.ts'

export function startAuditorRole(nova: Nova): Role {
  const { runtime, api, cells, settings } = nova
  return startAuditor(runtime, {
    service: 'nova', database: api, settings,
    checks: [
      guestsCheck(nova), allocationsCheck(nova), portsCheck(nova), attachmentsCheck(nova), overdueCheck(runtime.clock, [api, cells.cell1]),
      programsCheck({ runtime, kind: 'qemu', hosts: async () => (await listComputeNodes(cells.cell1.read)).map(({ host }) => host) }),
    ],
  })
}

/** A kind whose repair needs only the thing and its host. */
function kind(nova: Nova, remedy: Kind['remedy'], advice: string, repair: (nova: Nova, ctx: RequestContext, resource: string, host: string) => Promise<string>): Kind {
  return { remedy, advice, repair: (ctx, { resource, host = '' }) => repair(nova, ctx, resource, host) }
}

function guestsCheck(nova: Nova): Check {
  const { runtime, cells } = nova
  /** A kind about something that is plugged into a guest, or is not. */
  const plugged = (remedy: Kind['remedy'], advice: string, settle: typeof settleVolume): Kind =>
    ({ remedy, advice, repair: (ctx, { resource, host = '', about }) => settle(nova, ctx, resource, String(about?.['serverId']), host) })
  return {
    name: 'guests',
    kinds: {
      'guest.of-deleted-server': kind(nova, 'by-itself', 'The guest is removed, as its deletion would have done.', removeGuest),
      'guest.stray': kind(nova, 'when-asked', 'If nobody needs it, let the repair remove the guest with its disks; they cannot be had again.', removeGuest),
      'guest.elsewhere': { remedy: 'none', advice: 'Find out which of the two is the right one. When the server is deleted, the other guest goes too.' },
      'guest.missing': { remedy: 'none', advice: 'Its disks on the host are lost, its volumes are not: delete the server, and make it anew from its volumes.' },
      'server.power': {
        remedy: 'by-itself', advice: 'The server is shown as what its guest does; a guest that should not run is stopped.',
        repair: (ctx, { resource, host = '', about }) => syncPower(nova, ctx, resource, host, about as { vmState: string; real: string }),
      },
      'guest.volume-missing': plugged('by-itself', 'The volume is plugged in again; where that fails, a hard reboot makes the guest whole.', settleVolume),
      'guest.volume-stray': plugged('when-asked', 'Once nothing in the guest uses the disk, let the repair unplug it, or reboot the server hard.', settleVolume),
      'guest.port-missing': plugged('by-itself', 'The interface is plugged in again; where that fails, a hard reboot makes the guest whole.', settleInterface),
      'guest.port-stray': plugged('when-asked', 'Once nothing in the guest uses the interface, let the repair unplug it, or reboot the server hard.', settleInterface),
      'server.unowned': kind(nova, 'when-asked', 'The repair ends what nobody works on: a server half made goes into ERROR.', freeServer),
      'image-cache.stale': kind(nova, 'by-itself', 'The image is taken out of the cache.', dropImage),
    },
    async look(ctx) {
      const [found, unseen] = [new Map<string, FoundOnHost>(), [] as string[]]
      for (const { host } of await listComputeNodes(cells.cell1.read)) {
        try {
          found.set(host, await nova.compute.on(host).inventory(ctx, {}))
        } catch (error) {
          if (!(error instanceof AppError) || error.status !== 503) ctx.log.warn({ err: error, host }, 'a host could not say what it has')
          unseen.push(host)
        }
      }
      const books = await readBooks(nova, [...found.values()].flatMap(({ guests }) => guests.map(({ serverId }) => serverId)))
      const devices = { volumes: await volumesToAudit(cells.cell1.read), ports: await portsToAudit(cells.cell1.read) }
      const unused = [...found].flatMap(([host, there]) => unusedImages(host, books.servers.values(), there))
      const gone = new Set<string>()
      for (const id of new Set(unused)) if (!(await imageExists(runtime, ctx, id))) gone.add(id)
      const differences = [...found].flatMap(([host, there]): Difference[] => [...compareHost(host, books, there), ...compareDevices(host, books, there, devices), ...staleImages(host, books, there, gone)])
      return { differences: [...differences, ...compareStates(books)], unseen }
    },
  }
}

function allocationsCheck(nova: Nova): Check {
  return {
    name: 'allocations',
    kinds: {
      'allocation.of-deleted-server': kind(nova, 'by-itself', 'The room is given back.', releaseAllocation),
      'allocation.stray': kind(nova, 'when-asked', 'If nobody else uses placement, let the repair give the room back.', releaseAllocation),
      'allocation.missing': kind(nova, 'by-itself', 'Room for the server is taken on its host, unless that is full.', healAllocation),
      'allocation.amount': kind(nova, 'by-itself', 'The server is given what its flavor says, unless the host is full.', correctAllocation),
      'allocation.elsewhere': kind(nova, 'when-asked', 'If the server is where nova has it, let the repair take its room there.', correctAllocation),
      'allocation.double': kind(nova, 'when-asked', 'If nothing of the server is on the other host, let the repair give the room there back.', correctAllocation),
    },
    async look(ctx) {
      const hosts = new Map((await listComputeNodes(nova.cells.cell1.read)).map(({ uuid, host }) => [uuid, host]))
      const providers: Provider[] = []
      for (const [id, name] of new Map([...(await providerNames(nova.runtime, ctx)), ...hosts])) providers.push({ id, host: name, isHost: hosts.has(id), held: await heldOf(nova.runtime, ctx, id) })
      const books = await readBooks(nova, providers.flatMap(({ held }) => [...held.keys()]))
      const needs = new Map([...(await allSpecs<PlacementRequest>(nova.api.read))].map(([id, spec]) => [id, demandOf(spec).resources]))
      return { differences: compareAllocations(books, providers, needs) }
    },
  }
}

function portsCheck(nova: Nova): Check {
  /** A kind about a server's port, whose repair must know the server too. */
  const owned = (advice: string, repair: (ctx: RequestContext, portId: string, serverId: string) => Promise<string>): Kind =>
    ({ remedy: 'by-itself', advice, repair: (ctx, { resource, about }) => repair(ctx, resource, String(about?.['serverId'])) })
  return {
    name: 'ports',
    kinds: {
      'port.stray': kind(nova, 'when-asked', 'If nobody needs its address, let the repair delete the port.', removePort),
      'port.missing': owned('The server is told which ports it has; a guest that still has a device for it loses that with its next hard reboot.', (ctx, _portId, serverId) => tellPorts(nova, ctx, serverId)),
      'port.untold': owned('The server is told which ports it has; a guest that runs gets a device for it in the next round.', (ctx, _portId, serverId) => tellPorts(nova, ctx, serverId)),
      'port.elsewhere': owned('The port is bound to the host of its server. A guest that ran with a device of it gets the new one with a hard reboot.', (ctx, portId, serverId) => bindToHost(nova, ctx, portId, serverId)),
      'port.binding-failed': owned('The port is bound once more; while that fails, see whether the network agent of the host lives, and what it says in the log.', (ctx, portId, serverId) => bindToHost(nova, ctx, portId, serverId)),
    },
    async look(ctx) {
      const ports = await portsOfServers(nova.runtime, ctx)
      const books = await readBooks(nova, ports.map(({ deviceId }) => deviceId))
      return { differences: comparePorts(books, ports, await portsToAudit(nova.cells.cell1.read)) }
    },
  }
}

function attachmentsCheck(nova: Nova): Check {
  return {
    name: 'attachments',
    kinds: {
      'attachment.of-deleted-server': kind(nova, 'by-itself', 'The attachment is deleted; the volume keeps its data.', removeAttachment),
      'attachment.stray': kind(nova, 'when-asked', 'If no server uses the volume by it, let the repair delete the attachment; the volume keeps its data.', removeAttachment),
      'attachment.missing': { remedy: 'none', advice: 'Remove the volume from the server and add it again, so that cinder knows of its use.' },
    },
    async look(ctx) {
      const attachments = await allAttachments(nova.runtime, ctx)
      const books = await readBooks(nova, attachments.map(({ serverId }) => serverId))
      return { differences: compareAttachments(books, attachments, await volumesToAudit(nova.cells.cell1.read)) }
    },
  }
}
