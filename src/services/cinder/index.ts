// Cinder, the block storage service: its name and its roles.
import { defineService } from '#core/service'
import { cinderOptions } from './config.ts'
import { startAuditorRole } from './workers/auditor.ts'
import { startApi, startScheduler, startVolume } from './start.ts'

export { cinderOptions }

export const cinder = defineService({
  name: 'cinder',
  options: cinderOptions,
  roles: { volume: startVolume, scheduler: startScheduler, api: startApi, auditor: startAuditorRole },
})
