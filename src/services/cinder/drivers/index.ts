// The volume drivers by name; one is loaded when it is first asked for.
import type { FakeVolumeOptions } from './fake/index.ts'
import type { FileDriverOptions } from './file/index.ts'
import type { VolumeDriver } from './interface.ts'

export interface VolumeDriverOptions {
  readonly file: FileDriverOptions
  readonly fake: FakeVolumeOptions
}
export type VolumeDriverName = keyof VolumeDriverOptions

const realDriver = () => import('./file/index.ts')

/** Have it in memory, for a process that will not see the program's folder any more. The same `import` must be asked again later. */
export async function preloadVolumeDriver(): Promise<void> {
  await realDriver()
}

export async function loadVolumeDriver<Name extends VolumeDriverName>(name: Name, options: VolumeDriverOptions[Name]): Promise<VolumeDriver> {
  if (name === 'fake') return (await import('./fake/index.ts')).create(options as FakeVolumeOptions)
  return (await realDriver()).create(options as FileDriverOptions)
}

export type * from './interface.ts'
export { BackendFull, ImageTooLarge, ImageUnusable, VolumeAbsent, VolumeBusy, VolumeDiffers } from './interface.ts'
