// Glance: images of disks, their records and their data.
import { explain } from '#core/events'
import { createApi, webobFaults, serve } from '#core/http'
import { createOperations } from '#core/operations'
import { compilePolicy } from '#core/policy'
import { defineService, type Role, type Runtime } from '#core/service'
import { imageFileHandlers } from './api/image-files.ts'
import { imageHandlers } from './api/images.ts'
import { glanceInput } from './api/input.ts'
import { discovery, infoHandlers } from './api/info.ts'
import { memberHandlers } from './api/members.ts'
import { glanceRules } from './api/policy.ts'
import { schemaHandlers } from './api/schemas.ts'
import { glanceOptions } from './config.ts'
import { imageFileRoutes, imageRoutes, infoRoutes, memberRoutes, schemaRoutes } from './contract/index.ts'
import { glanceChanges } from './db/changes.ts'
import { glanceMigrations } from './db/migrations/index.ts'
import type { GlanceTables } from './db/tables.ts'
import { removeBitsOperation } from './domain/delete-image.ts'
import { createDigests } from './domain/digests.ts'
import type { Glance } from './domain/glance.ts'
import { uploadOperation } from './domain/upload.ts'
import { storeOf } from './drivers/index.ts'
import { notAuthorized } from './model/errors.ts'
import { startAuditorRole } from './workers/auditor.ts'

async function startApi(runtime: Runtime): Promise<Role> {
  const { clock, random, ids, log } = runtime
  const options = runtime.config(glanceOptions)
  const database = await runtime.database<GlanceTables>('glance', glanceMigrations, glanceChanges)
  const operations = createOperations<Glance>({ database, definitions: [uploadOperation, removeBitsOperation], capabilities: runtime, owner: `${runtime.host}/glance-api` })
  const policy = compilePolicy(glanceRules)
  const glance: Glance = {
    clock, random, ids, log, database, operations, policy, store: storeOf(runtime),
    digests: createDigests(runtime), limits: options, trace: runtime.trace, incoming: new Map(),
  }
  const worker = operations.work(glance)
  const transport = createApi({
    service: 'glance', prefix: '/v2', framework: 'routes', faults: webobFaults, input: glanceInput, policy, refusal: notAuthorized, authenticate: runtime.authenticate, discovery, capabilities: runtime,
    authUrl: runtime.authUrl, checkReplies: runtime.checkReplies,
    routes: [
      serve(imageRoutes, imageHandlers(glance, options)), serve(imageFileRoutes, imageFileHandlers(glance)), serve(memberRoutes, memberHandlers(glance)),
      serve(schemaRoutes, schemaHandlers), serve(infoRoutes, infoHandlers(glance)),
    ],
  })
  const explained = explain(transport, runtime, { databases: [database] })
  return {
    transport: explained.transport,
    async stop() {
      explained.stop()
      worker.stop()
      await glance.digests.stop()
    },
  }
}

export const glance = defineService({ name: 'glance', options: glanceOptions, roles: { api: startApi, auditor: startAuditorRole } })
