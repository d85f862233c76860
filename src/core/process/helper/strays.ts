// Programs that work for this cloud and that no record accounts for: started by hand, or left by records that were lost.
// What belongs to another cloud of the machine is never among them.
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DaemonKind, StrayProgram } from '../interface.ts'
import { commandLine, networkOf, parentOf, programOf, sees, startTimeOf, unlessGone } from './proc.ts'
import type { HelperOptions } from './protocol.ts'
import { programs } from './spawn.ts'

/** @param isRecorded whether a record accounts for the process */
export function strayPrograms(options: HelperOptions, kind: DaemonKind, isRecorded: (pid: number) => boolean): readonly StrayProgram[] {
  const files = new Set(programs[kind].flatMap((path) => unlessGone(() => realpathSync(path)) ?? []))
  const namespaces = ownNamespaces(options)
  const strays: StrayProgram[] = []
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    if (!files.has(programOf(pid) ?? '') || !isOurs(options, namespaces, pid)) continue
    // A daemon's own children look as itself: dnsmasq has one for each connection.
    if (isRecorded(pid) || isRecorded(parentOf(pid) ?? 0)) continue
    const startTime = startTimeOf(pid)
    if (startTime !== undefined) strays.push({ pid, startTime, command: commandLine(pid).replaceAll('\0', ' ').trim() })
  }
  return strays
}

function ownNamespaces({ prefix }: HelperOptions): ReadonlySet<number> {
  const there = (unlessGone(() => readdirSync('/run/netns')) ?? []).filter((name) => name.startsWith(`${prefix}-`))
  return new Set(there.flatMap((name) => unlessGone(() => statSync(join('/run/netns', name)).ino) ?? []))
}

/** It lives in a network namespace of the cloud, or its words name something in the cloud's data directory. */
function isOurs({ dataDirectory }: HelperOptions, namespaces: ReadonlySet<number>, pid: number): boolean {
  if (namespaces.has(networkOf(pid) ?? 0)) return true
  return isNamed(dataDirectory, commandLine(pid)) && sees(pid, dataDirectory)
}

/** Whether words name something below a directory, and not below one whose path only ends alike. */
export function isNamed(directory: string, words: string): boolean {
  const start = `${directory}/`
  for (let at = words.indexOf(start); at >= 0; at = words.indexOf(start, at + 1)) if (!/[\w./-]/.test(words[at - 1] ?? '')) return true
  return false
}
