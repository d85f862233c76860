// What must be true of a cloud at rest, whatever happened to it: rows, engines and what people were told agree.
import { createHash } from 'node:crypto'
import type { FakeVolumeWorld } from '../services/cinder/drivers/fake/index.ts'
import type { FakeHost } from '../services/nova/drivers/fake/index.ts'
import type { MemoryStoreWorld } from '../services/glance/drivers/memory/index.ts'
import { hosts } from './cloud.ts'
import type { Ledger } from './ledger.ts'
import { networkHostsAreRight } from './network-hosts.ts'
import { promisesAreKept } from './promises.ts'
import { type AtRest, operationDatabases, type Rows, type Say } from './rows.ts'
import { rowViolations } from './rows-invariants.ts'

const auditedDatabases = ['nova_api', 'neutron', 'cinder', 'glance'] as const

/** The kinds of all operations that were begun. */
export async function kindsOf(rows: Rows): Promise<ReadonlySet<string>> {
  const kinds = new Set<string>()
  for (const database of operationDatabases) for (const row of await rows.of(database, 'operations').catch(() => [])) kinds.add(String(row['kind']))
  return kinds
}

/** The steps that ended, each by what tells it from all others, as its operation's kind and its own name. */
export async function endedSteps(rows: Rows): Promise<ReadonlyMap<string, string>> {
  const ended = new Map<string, string>()
  for (const database of operationDatabases) {
    const kinds = new Map((await rows.of(database, 'operations').catch(() => [])).map((row) => [row['id'], row['kind']]))
    for (const step of await rows.of(database, 'operation_steps').catch(() => [])) {
      if (step['ended_at'] !== null) ended.set(`${step['operation_id']} ${step['sequence']}`, `${kinds.get(step['operation_id'])}: ${step['phase']} ${step['step']}`)
    }
  }
  return ended
}

/** What the operations noted that are open, or whose resource or id is named in the text. */
export async function journalOf(rows: Rows, text: string): Promise<readonly string[]> {
  const lines: string[] = []
  for (const database of operationDatabases) {
    const steps = await rows.of(database, 'operation_steps').catch(() => [])
    for (const row of await rows.of(database, 'operations').catch(() => [])) {
      if (row['finished_at'] !== null && !text.includes(row['resource_id']) && !text.includes(row['id'])) continue
      lines.push(`${database} ${row['kind']} ${row['id']} of ${row['resource_id']}: ${row['status']}, position ${row['position']}, attempt ${row['attempt']}, epoch ${row['epoch']}, ${row['fault'] ?? ''}`)
      for (const step of steps.filter((each) => each['operation_id'] === row['id'])) {
        lines.push(`  ${step['sequence']} ${step['phase']} ${step['step']} attempt ${step['attempt']}: ${step['status']} ${step['started_at']} ${step['ended_at'] ?? ''} ${step['error'] ?? ''}`)
      }
    }
  }
  return lines
}

/** @returns a sentence for each thing that is wrong */
export async function violations(rest: AtRest, ledger: Ledger, audited = false): Promise<readonly string[]> {
  const { rows } = rest
  const wrong = [...(await rowViolations(rows))]
  const say = (sentence: string) => void wrong.push(sentence)

  if (audited) {
    for (const database of auditedDatabases) {
      for (const row of await rows.of(database, 'audit_findings')) if (row['state'] === 'open') say(`the auditor finds ${row['kind']} ${row['resource']} on ${row['host']}: ${row['message']}`)
    }
  }
  await guestsAreRight(rest, say)
  await networkHostsAreRight(rest, say)
  await storageIsRight(rest, say)
  await storeIsRight(rest, say)
  await promisesAreKept(rest, ledger, say)
  return wrong
}

async function guestsAreRight({ rows, kept }: AtRest, say: Say): Promise<void> {
  const live = (await rows.of('nova_cell1', 'instances')).filter((row) => row['deleted'] === 0)
  const disks = await rows.of('nova_cell1', 'block_device_mappings')
  const ports = await rows.of('nova_cell1', 'virtual_interfaces')
  for (const host of hosts) {
    const guests = (kept.get(`nova ${host}`) as FakeHost | undefined)?.guests ?? new Map()
    for (const [id, guest] of guests) {
      const row = live.find((each) => each['uuid'] === id)
      if (!row || row['host'] !== host) say(`guest ${id} is on ${host}, its server ${row ? `on ${row['host']}` : 'is gone'}`)
      else if (row['vm_state'] === 'active' && guest.state !== 'running') say(`server ${id} is active and its guest is ${guest.state}`)
      else if (row['vm_state'] === 'stopped' && guest.pid !== 0) say(`server ${id} is stopped and its guest runs`)
      if (!row || row['vm_state'] === 'error') continue
      const attached = disks.filter((disk) => disk['instance_uuid'] === id && disk['volume_id'] !== null).map((disk) => String(disk['volume_id'])).sort()
      const seen = guest.spec.disks.flatMap((disk: { kind: string; volumeId?: string }) => (disk.kind === 'volume' ? [String(disk.volumeId)] : [])).sort()
      if (JSON.stringify(attached) !== JSON.stringify(seen)) say(`server ${id} has the volumes ${attached.join(' ')}, its guest sees ${seen.join(' ')}`)
      const plugged = ports.filter((port) => port['instance_uuid'] === id).map((port) => String(port['uuid'])).sort()
      const nics = guest.spec.ports.map((port: { portId: string }) => port.portId).sort()
      if (JSON.stringify(plugged) !== JSON.stringify(nics)) say(`server ${id} has the ports ${plugged.join(' ')}, its guest sees ${nics.join(' ')}`)
    }
    for (const row of live) if (row['host'] === host && row['vm_state'] !== 'error' && !guests.has(row['uuid'])) say(`server ${row['uuid']} is ${row['vm_state']} on ${host}, where it has no guest`)
  }
}

async function storageIsRight({ rows, kept }: AtRest, say: Say): Promise<void> {
  const volumes = await rows.of('cinder', 'volumes')
  const attachments = await rows.of('cinder', 'volume_attachments')
  for (const host of hosts) {
    const world = (kept.get(`cinder ${host}`) as FakeVolumeWorld | undefined)?.volumes ?? new Map<string, { sizeGiB: number; exported: unknown }>()
    for (const [id, made] of world) {
      const row = volumes.find((each) => each['id'] === id)
      // What failed to grow may have grown all the same.
      if (row && (row['status'] === 'error_extending' ? made.sizeGiB < row['size'] : made.sizeGiB !== row['size'])) say(`volume ${id} is ${row['status']} with ${row['size']} GiB, and its storage has ${made.sizeGiB}`)
      if (!row) say(`${host} has the storage of volume ${id}, which is gone`)
      else if (!String(row['host']).startsWith(`${host}@`)) say(`${host} has the storage of volume ${id}, which is on ${row['host']}`)
      else if ((made.exported !== undefined) !== attachments.some((each) => each['volume_id'] === id)) say(`volume ${id} is ${made.exported === undefined ? 'not ' : ''}exported and ${row['status']}`)
    }
    for (const row of volumes) if (row['status'] !== 'error' && String(row['host']).startsWith(`${host}@`) && !world.has(row['id'])) say(`volume ${row['id']} is ${row['status']} and has no storage`)
  }
}

async function storeIsRight({ rows, kept }: AtRest, say: Say): Promise<void> {
  const images = await rows.of('glance', 'images')
  const store = kept.get('glance') as MemoryStoreWorld | undefined
  for (const image of images) {
    if (image['status'] === 'active' && !store?.kept.has(image['bits'])) say(`image ${image['id']} is active and has no data`)
    const bytes = store?.kept.get(image['bits'])
    if (image['status'] === 'active' && bytes?.length !== image['size']) say(`image ${image['id']} says ${image['size']} bytes and has ${bytes?.length}`)
    else if (image['status'] === 'active' && bytes && createHash(image['os_hash_algo']).update(bytes).digest('hex') !== image['os_hash_value']) say(`image ${image['id']} has other bytes than its hash is of`)
  }
  for (const bits of store?.kept.keys() ?? []) if (!images.some((row) => row['bits'] === bits)) say(`the store has the data ${bits}, which belong to no image`)
  for (const bits of store?.partial.keys() ?? []) say(`the store has half of the data ${bits}`)
}
