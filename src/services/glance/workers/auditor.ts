// Glance's auditor: its rows beside what lies in the store.
import { type Check, overdueCheck, resourcesAtWork, startAuditor } from '#core/audit'
import { type Database, transition } from '#core/db'
import { Conflict } from '#core/errors'
import type { Role, Runtime } from '#core/service'
import { glanceOptions } from '../config.ts'
import { imagesToAudit, uploadedBits } from '../db/audit.ts'
import { glanceMigrations } from '../db/migrations/index.ts'
import type { GlanceTables } from '../db/tables.ts'
import { compareStore } from '../domain/audit/compare.ts'
import { storeOf } from '../drivers/index.ts'
import { imageMachine } from '../model/states.ts'
import type { ImageStore } from '../model/store.ts'

export async function startAuditorRole(runtime: Runtime): Promise<Role> {
  const database = await runtime.database<GlanceTables>('glance', glanceMigrations)
  return startAuditor(runtime, {
    service: 'glance', database, settings: runtime.config(glanceOptions),
    checks: [storeCheck(database, storeOf(runtime)), overdueCheck(runtime.clock, [database])],
  })
}

function storeCheck(database: Database<GlanceTables>, store: ImageStore): Check {
  return {
    name: 'store',
    kinds: {
      'image.unfinished': {
        remedy: 'by-itself', advice: 'The file is removed.',
        async repair(_ctx, { resource }) {
          await store.remove(resource)
          return 'The unfinished file was removed.'
        },
      },
      'image.stray': {
        remedy: 'when-asked', advice: 'If its data are not needed, let the repair remove it; they cannot be had again.',
        async repair(_ctx, { resource }) {
          await store.remove(resource)
          return 'The file was removed.'
        },
      },
      'image.unowned': {
        remedy: 'when-asked', advice: 'The repair makes the image wait for data again.',
        async repair(_ctx, { resource: id }) {
          await database.transaction(async (tx) => {
            if ((await resourcesAtWork(tx)).has(id)) throw new Conflict('An operation works on the image.')
            await transition(tx, imageMachine, { table: 'images', idColumn: 'id', statusColumn: 'status', id, event: 'reset' })
          })
          return 'The image waits for data again.'
        },
      },
      'image.lost': { remedy: 'none', advice: 'Put the file back from a copy, or delete the image: its data are gone.' },
      'image.damaged': { remedy: 'none', advice: 'Put the file back from a copy, or delete the image: what is left cannot be trusted.' },
    },
    async look() {
      // First what is there: bits of an upload that begins meanwhile are then not seen at all.
      const stored = await store.list()
      const { read } = database
      return { differences: compareStore({ images: await imagesToAudit(read), uploads: await uploadedBits(read), atWork: await resourcesAtWork(read) }, stored) }
    },
  }
}
