// What /proc says of a process; of one that is gone, or goes while it is looked at, nothing.
import { readFileSync, readlinkSync, statSync } from 'node:fs'

/** Field 22 of /proc/PID/stat; the second field may hold spaces and brackets. Nothing for a zombie. */
export function startTimeOf(pid: number): string | undefined {
  const fields = unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')) ?? []
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

/** Its words, each ended by a null character. */
export const commandLine = (pid: number): string => unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? ''

export const parentOf = (pid: number): number | undefined => unlessGone(() => Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]))

/** The program that it runs, also when the package was replaced since. */
export const programOf = (pid: number): string | undefined => unlessGone(() => readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''))

/** The number of its network namespace: that of the file below /run/netns that names it. */
export const networkOf = (pid: number): number | undefined => unlessGone(() => statSync(`/proc/${pid}/ns/net`).ino)

/** Whether a path is the same directory to it as to us: in a container it may be another one. */
export function sees(pid: number, directory: string): boolean {
  const [theirs, ours] = [`/proc/${pid}/root${directory}`, directory].map((path) => unlessGone(() => statSync(path)))
  return theirs !== undefined && theirs.dev === ours?.dev && theirs.ino === ours.ino
}

export function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
