// Tells the conductor and placement what this host has, at the start and then now and again.
import type { CallContext, RequestContext } from '#core/context'
import { ownContext } from '#core/service'
import { reportProvider } from '../neighbours/placement.ts'
import type { ComputeHost } from './host.ts'

const soonSeconds = 0.05
const longestPauseSeconds = 10
const everySeconds = 60

/** What the host's memory, disks and CPUs amount to, to the conductor and to placement. */
export async function report(host: ComputeHost, ctx: RequestContext, call: CallContext): Promise<void> {
  const { runtime, settings, driver, conductor } = host
  const has = await driver.resources(call)
  const { providerId } = await conductor.any().registerHost(ctx, {
    host: runtime.host, node: runtime.host, hypervisorType: driver.can.hypervisorType, hypervisorVersion: driver.can.hypervisorVersion, hostIp: settings.host_ip,
    vcpus: has.vcpus, memoryMiB: has.ramMiB, diskGiB: has.diskGiB, freeMemoryMiB: has.ramFreeMiB, freeDiskGiB: has.diskFreeGiB, runningGuests: has.runningGuests,
    cpuInfo: { arch: driver.can.cpuArchitecture, model: has.cpuModel, vendor: '', features: [], topology: { cells: 1, sockets: 1, cores: has.vcpus, threads: 1 } },
  })
  const reservedDisk = Math.ceil(settings.reserved_host_disk_mb / 1024)
  // A host may have less than what is kept back of it; placement wants the rest to be nothing, not negative.
  const inventory = [
    { resource: 'VCPU', total: has.vcpus, reserved: settings.reserved_host_cpus, ratio: settings.cpu_allocation_ratio },
    { resource: 'MEMORY_MB', total: has.ramMiB, reserved: settings.reserved_host_memory_mb, ratio: settings.ram_allocation_ratio },
    { resource: 'DISK_GB', total: has.diskGiB, reserved: reservedDisk, ratio: settings.disk_allocation_ratio },
  ].filter(({ total }) => total > 0).map((each) => ({ ...each, reserved: Math.min(each.reserved, each.total) }))
  await reportProvider(runtime, ctx, { id: providerId, name: runtime.host }, inventory)
}

/** Report until it succeeds, then again every minute. `first` is called once, after the first success; then `reported` settles. */
export function keepReporting(host: ComputeHost, first: () => Promise<void>): { stop(): void; reported: Promise<void> } {
  const { runtime } = host
  const ctx = ownContext(runtime, 'nova-compute')
  const call: CallContext = { signal: ctx.signal, epoch: 0, log: runtime.log }
  let stopped = false
  let done = false
  let soon = soonSeconds
  const reported = Promise.withResolvers<void>()
  let timer = { cancel() {} }
  const turn = async () => {
    let seconds = everySeconds
    try {
      await report(host, ctx, call)
      soon = soonSeconds
      if (!done) {
        await first()
        done = true
        reported.resolve()
      }
    } catch (error) {
      if (stopped) return
      runtime.log[done ? 'warn' : 'debug']({ err: error }, 'this host could not be reported; trying again')
      seconds = soon
      soon = Math.min(soon * 1.5, longestPauseSeconds)
    }
    if (!stopped) timer = runtime.clock.after(seconds * 1000, () => void turn())
  }
  void turn()
  return {
    reported: reported.promise,
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
