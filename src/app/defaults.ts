// What a new cloud has from the first day, with DevStack's names: flavors, networks, a test image, and a clouds.yaml.
import type { Logger } from '#core/observe'
import type { ProcessRunner } from '#core/process'
import type { Cloud } from './cloud.ts'
import type { Layout } from './layout.ts'
import type { Secrets, Settings } from './settings.ts'

export interface DefaultsOptions {
  readonly cloud: Cloud
  readonly settings: Settings
  readonly secrets: Secrets
  readonly files: Layout
  readonly processes: ProcessRunner
  readonly log: Logger
  readonly progress: (message: string) => void
}

export async function ensureDefaults(_options: DefaultsOptions): Promise<void> {}
