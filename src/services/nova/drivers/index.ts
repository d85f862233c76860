// The hypervisor drivers by name; one is loaded when it is first asked for.
import type { FakeHypervisorOptions } from './fake/index.ts'
import type { HypervisorDriver } from './interface.ts'
import type { QemuOptions } from './qemu/index.ts'

export interface HypervisorDriverOptions {
  readonly qemu: QemuOptions
  readonly fake: FakeHypervisorOptions
}
export type HypervisorDriverName = keyof HypervisorDriverOptions

const realDriver = () => import('./qemu/index.ts')

/** Have it in memory, for a process that will not see the program's folder any more. The same `import` must be asked again later. */
export async function preloadHypervisorDriver(): Promise<void> {
  await realDriver()
}

export async function loadHypervisorDriver<Name extends HypervisorDriverName>(name: Name, options: HypervisorDriverOptions[Name]): Promise<HypervisorDriver> {
  if (name === 'fake') return (await import('./fake/index.ts')).create(options as FakeHypervisorOptions)
  return (await realDriver()).create(options as QemuOptions)
}

export type * from './interface.ts'
export { ConsoleUnavailable, GuestUnknown, SpawnFailed, UnusableImage } from './interface.ts'
