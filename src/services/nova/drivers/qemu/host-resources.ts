// What this host has for guests: processors and memory as /proc says, disk as the file system says.
import { readFile, statfs } from 'node:fs/promises'
import type { HostUptime } from '../../model/uptime.ts'
import type { HostResources } from '../interface.ts'

export async function readHostResources(directory: string, runningGuests: number): Promise<HostResources> {
  const [cpuinfo, meminfo, space] = await Promise.all([readFile('/proc/cpuinfo', 'utf8'), readFile('/proc/meminfo', 'utf8'), statfs(directory)])
  const memory = (name: string) => Math.floor(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) / 1024)
  const gib = (blocks: number) => Math.floor(blocks * space.bsize / 1024 ** 3)
  return {
    vcpus: cpuinfo.match(/^processor\s*:/gm)?.length ?? 1,
    ramMiB: memory('MemTotal'),
    ramFreeMiB: memory('MemAvailable'),
    diskGiB: gib(space.blocks),
    diskFreeGiB: gib(space.bavail),
    cpuModel: /^model name\s*:\s*(.+)$/m.exec(cpuinfo)?.[1]?.trim() ?? 'unknown',
    runningGuests,
  }
}

export async function readHostUptime(): Promise<HostUptime> {
  const numbers = async (file: string) => (await readFile(file, 'utf8')).split(' ').map(Number)
  const [[upSeconds = 0], [one = 0, five = 0, fifteen = 0]] = await Promise.all([numbers('/proc/uptime'), numbers('/proc/loadavg')])
  return { upSeconds, load: [one, five, fifteen] }
}
