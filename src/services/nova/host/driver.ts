// The hypervisor driver of this host: QEMU where the real engines run, else the one in memory.
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Runtime } from '#core/service'
import type { NovaSettings } from '../config.ts'
import type { FakeHost, FakeHypervisorOptions } from '../drivers/fake/index.ts'
import { type HypervisorDriver, loadHypervisorDriver } from '../drivers/index.ts'

/** The fake hosts of this process, by data directory and host: they outlive the role, as real ones do, and by their records the process. */
const fakeHosts = new Map<string, FakePlayground>()

export interface FakePlayground {
  world?: FakeHost
  before?: NonNullable<FakeHypervisorOptions['before']>
  after?: NonNullable<FakeHypervisorOptions['after']>
}

/** Where a test plays what guests and hosts do. */
export function fakePlayground(dataDirectory: string, host: string): FakePlayground {
  const key = `${dataDirectory} ${host}`
  let playground = fakeHosts.get(key)
  if (!playground) fakeHosts.set(key, (playground = {}))
  return playground
}

export async function openDriver(runtime: Runtime, { virt_type: virtType }: Pick<NovaSettings, 'virt_type'>): Promise<HypervisorDriver> {
  const { clock, driver, privileged, processes, dataDirectory } = runtime
  if (driver === 'real' && privileged) {
    // QEMU's own user passes through to what is its own.
    const own = join(dataDirectory, 'nova')
    await mkdir(own, { recursive: true })
    await chmod(own, 0o711)
    return loadHypervisorDriver('qemu', { directory: join(own, 'qemu'), capabilities: { clock }, runner: processes, privileged, accelerator: virtType === 'qemu' ? 'tcg' : virtType })
  }
  const { stage } = runtime
  if (stage) {
    const { FakeHost: World } = await import('../drivers/fake/index.ts')
    return loadHypervisorDriver('fake', {
      capabilities: { clock }, world: stage.kept(`nova ${runtime.host}`, () => new World()), startMilliseconds: 50,
      before: (method) => stage.before(`hypervisor ${method}`), again: (method) => stage.again(`hypervisor ${method}`), after: (method) => stage.after(`hypervisor ${method}`),
    })
  }
  const playground = fakePlayground(dataDirectory, runtime.host)
  if (!playground.world) {
    const [{ FakeHost: World }, { FakeRecords: Records }] = await Promise.all([import('../drivers/fake/index.ts'), import('../drivers/fake/records.ts')])
    playground.world = new World(new Records(join(dataDirectory, 'nova', 'fake', runtime.host)))
  }
  return loadHypervisorDriver('fake', {
    capabilities: { clock }, world: playground.world,
    before: (method, id) => playground.before?.(method, id), after: (method, id) => playground.after?.(method, id),
  })
}
