// The services that a cloud is made of, in the order in which they start; each is loaded when it is needed.
import type { Runtime, Service, ServiceName } from '#core/service'
import type { CloudOptions } from './cloud.ts'
import { publicUrl } from './settings.ts'

interface Loaded {
  readonly name: ServiceName
  load(): Promise<Service>
  prepare?(runtime: Runtime, options: CloudOptions): Promise<void>
}

export const services: readonly Loaded[] = []
void publicUrl
