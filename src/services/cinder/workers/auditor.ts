// Cinder's auditor: its rows beside what each backend has and serves.
import { type Check, type Difference, overdueCheck, programsCheck, resourcesAtWork, startAuditor } from '#core/audit'
import type { Database } from '#core/db'
import { AppError, Conflict } from '#core/errors'
import { type RpcClient, rpcClient } from '#core/rpc'
import type { Role, Runtime } from '#core/service'
import { volumeRpc } from '#contract/cinder'
import { cinderOptions } from '../config.ts'
import { usesToAudit, volumesToAudit } from '../db/audit.ts'
import { cinderMigrations } from '../db/migrations/index.ts'
import { listServices } from '../db/services.ts'
import type { CinderTables } from '../db/tables.ts'
import { updateVolume } from '../db/volumes.ts'
import { type AuditedVolume, compareBackend } from '../domain/audit/compare.ts'
import { backendOf } from '../model/volume.ts'

export async function startAuditorRole(runtime: Runtime): Promise<Role> {
  const database = await runtime.database<CinderTables>('cinder', cinderMigrations)
  const volumes = rpcClient(runtime.bus, runtime, volumeRpc)
  return startAuditor(runtime, {
    service: 'cinder', database, settings: runtime.config(cinderOptions),
    checks: [
      backendsCheck(runtime, database, volumes), overdueCheck(runtime.clock, [database]),
      programsCheck({ runtime, kind: 'qemu-storage-daemon', hosts: async () => new Set((await backendsOf(database)).map((backend) => backend.replace(/@.*$/, ''))) }),
    ],
  })
}

function backendsCheck({ clock }: Pick<Runtime, 'clock'>, database: Database<CinderTables>, volumes: RpcClient<typeof volumeRpc>): Check {
  const at = ({ host = '' }: Difference) => volumes.on(host)
  const settle = async (ctx: Parameters<Check['look']>[0], difference: Difference) =>
    (await at(difference).settleExport(ctx, { volumeId: difference.resource })).exported ? 'The volume was exported again.' : 'The export was taken back.'
  return {
    name: 'backends',
    kinds: {
      'export.missing': { remedy: 'by-itself', advice: 'The volume is exported again; the guest waits for its disk meanwhile.', repair: settle },
      'export.stray': { remedy: 'by-itself', advice: 'The export is taken back.', repair: settle },
      'volume.unfinished': {
        remedy: 'by-itself', advice: 'The file is removed.',
        async repair(ctx, difference) {
          await at(difference).removeStray(ctx, { volumeId: difference.resource, onlyUnfinished: true })
          return 'The unfinished file was removed.'
        },
      },
      'volume.stray': {
        remedy: 'when-asked', advice: 'If its data are not needed, let the repair remove it; they cannot be had again.',
        async repair(ctx, difference) {
          await at(difference).removeStray(ctx, { volumeId: difference.resource, onlyUnfinished: false })
          return 'The volume was removed from the backend.'
        },
      },
      'volume.lost': { remedy: 'none', advice: 'Put its file back from a copy, or delete the volume: its data are gone.' },
      'volume.smaller': {
        remedy: 'by-itself', advice: 'It is grown again, but not while a server uses it, where the backend cannot do that. What was cut off is lost: let its owner check its data.',
        async repair(ctx, difference) {
          const { sizeGiB } = await at(difference).settleSize(ctx, { volumeId: difference.resource })
          return `The volume was grown to ${sizeGiB} GiB again.`
        },
      },
      'volume.larger': { remedy: 'none', advice: 'Extend the volume to what the backend has, so that its quota counts it, or cut its file where nothing of it is used.' },
      'volume.unowned': {
        remedy: 'when-asked', advice: 'The repair puts the volume into error; then it can be deleted, or its status be reset.',
        async repair(_ctx, { resource }) {
          await database.transaction(async (tx) => {
            if ((await resourcesAtWork(tx)).has(resource)) throw new Conflict('An operation works on the volume.')
            await updateVolume(tx, resource, { status: 'error', updated_at: clock.now().toISOString() })
          })
          return 'The volume was put into error.'
        },
      },
    },
    async look(ctx) {
      const [differences, unseen]: [Difference[], string[]] = [[], []]
      for (const backend of await backendsOf(database)) {
        try {
          // First what is there: a row that is written meanwhile is then seen, and nothing is taken for a stray.
          const found = await volumes.on(backend).inventory(ctx, {})
          const atWork = await resourcesAtWork(database.read)
          differences.push(...compareBackend(backend, await rowsOf(database, backend, atWork), found, atWork))
        } catch (error) {
          if (!(error instanceof AppError) || error.status !== 503) ctx.log.warn({ err: error, backend }, 'a backend could not say what it has')
          unseen.push(backend)
        }
      }
      return { differences, unseen }
    },
  }
}

/** As `host@backend`. */
async function backendsOf({ read }: Database<CinderTables>): Promise<string[]> {
  return (await listServices(read, { binary: 'cinder-volume' })).map(({ host }) => host)
}

async function rowsOf(database: Database<CinderTables>, backend: string, atWork: ReadonlySet<string>): Promise<AuditedVolume[]> {
  const [rows, uses] = [await volumesToAudit(database.read), Map.groupBy(await usesToAudit(database.read), (use) => use.volume_id)]
  return rows.filter(({ host }) => host !== null && backendOf(host) === backend).map(({ id, status, size }) => {
    const own = uses.get(id) ?? []
    return { id, status, sizeGiB: size, connected: own.some(({ connected }) => connected), atWork: [id, ...own.map((use) => use.id)].some((each) => atWork.has(each)) }
  })
}
