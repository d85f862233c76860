// What nova's domain works with: the runtime, the settings, the databases.
import type { Policy } from '#core/policy'
import type { Runtime } from '#core/service'
import type { NovaSettings } from '../config.ts'
import type { Databases } from '../db/open.ts'

export interface Nova extends Databases {
  readonly runtime: Runtime
  readonly settings: NovaSettings
  readonly policy: Policy
}
