// What a machine looks like from outside, to compare before and after: links, namespaces, routes, rules, settings, processes.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'

export interface HostState {
  readonly links: readonly string[]
  readonly namespaces: readonly string[]
  readonly routes: readonly string[]
  readonly rules: string
  readonly forwarding: string
  readonly tunMode: string
}

const lines = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '').sort()

function output(file: string, args: readonly string[]): string {
  if (!existsSync(file)) return ''
  return execFileSync(file, args, { encoding: 'utf8' })
}

/** Times, counters and indexes are left out: they change by themselves. */
export function hostState(): HostState {
  return {
    links: (JSON.parse(output('/usr/sbin/ip', ['-j', 'link']) || '[]') as { ifname: string }[]).map((link) => link.ifname).sort(),
    namespaces: lines(output('/usr/sbin/ip', ['netns', 'list'])).map((line) => line.split(' ')[0] ?? ''),
    routes: lines(output('/usr/sbin/ip', ['route', 'show', 'table', 'all'])),
    rules: output('/usr/sbin/nft', ['-s', 'list', 'ruleset']),
    forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(),
    tunMode: existsSync('/dev/net/tun') ? (statSync('/dev/net/tun').mode & 0o777).toString(8) : '',
  }
}

/** The privileged helper of a control plane. @throws when it does not run */
export function helperOf(controlPlane: number): number {
  const found = readdirSync('/proc').find((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('nimbo-helper') && new RegExp(`^PPid:\\s+${controlPlane}$`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    } catch {
      return false
    }
  })
  if (found === undefined) throw new Error('the helper does not run')
  return Number(found)
}

/** Command lines of living processes that name the folder: what a cloud there still runs. */
export function processesOf(directory: string): string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      if (command.includes(directory)) found.push(`${pid} ${command}`)
    } catch {
      // It ended while we looked.
    }
  }
  return found
}
