// The network engines by name; one is loaded when it is first asked for.
import type { LinuxBridgeOptions } from './linuxbridge/index.ts'
import type { NetworkDriver } from './interface.ts'

export interface NetworkDriverOptions {
  readonly linuxbridge: LinuxBridgeOptions
  readonly fake: Record<string, never>
}

export type NetworkDriverName = keyof NetworkDriverOptions

export async function loadNetworkDriver<Name extends NetworkDriverName>(name: Name, options: NetworkDriverOptions[Name]): Promise<NetworkDriver> {
  if (name === 'fake') return (await import('./fake/index.ts')).create()
  return (await import('./linuxbridge/index.ts')).create(options as LinuxBridgeOptions)
}

export type * from './interface.ts'
export { shortId } from './interface.ts'
