// The network engines by name; one is loaded when it is first asked for.
import type { FakeNetworkOptions } from './fake/index.ts'
import type { LinuxBridgeOptions } from './linuxbridge/index.ts'
import type { NetworkDriver } from './interface.ts'

export interface NetworkDriverOptions {
  readonly linuxbridge: LinuxBridgeOptions
  readonly fake: FakeNetworkOptions
}

export type NetworkDriverName = keyof NetworkDriverOptions

const realDriver = () => import('./linuxbridge/index.ts')

/** Have it in memory, for a process that will not see the program's folder any more. The same `import` must be asked again later. */
export async function preloadNetworkDriver(): Promise<void> {
  await realDriver()
}

export async function loadNetworkDriver<Name extends NetworkDriverName>(name: Name, options: NetworkDriverOptions[Name]): Promise<NetworkDriver> {
  if (name === 'fake') return (await import('./fake/index.ts')).create(options as FakeNetworkOptions)
  return (await realDriver()).create(options as LinuxBridgeOptions)
}

export type * from './interface.ts'
export { shortId, Superseded } from './interface.ts'
