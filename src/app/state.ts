// What the running cloud says of itself in a file: who it is, how far it is, where it went wrong.
import { closeSync, existsSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { isDiskFull } from '#core/errors'
import type { Layout } from './layout.ts'
import { writeWhole } from './settings.ts'

export interface RunState {
  readonly pid: number
  /** Field 22 of /proc/PID/stat, so that another process with the same id is not taken for ours. */
  readonly startTime: string
  readonly phase: 'starting' | 'ready' | 'stopping' | 'failed'
  readonly message: string
  readonly startedAt: string
}

/** Of a living process: one that ended and was not yet taken away by its parent is gone. */
export function processStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

export function readState(files: Layout): RunState | undefined {
  if (!existsSync(files.state)) return undefined
  try {
    return JSON.parse(readFileSync(files.state, 'utf8')) as RunState
  } catch {
    return undefined
  }
}

/** The state of a cloud that runs now. */
export function runningState(files: Layout): RunState | undefined {
  const state = readState(files)
  return state && processStartTime(state.pid) === state.startTime ? state : undefined
}

export function writeState(files: Layout, state: RunState): void {
  const text = `${JSON.stringify(state)}\n`
  try {
    writeWhole(files.state, text, 0o644)
  } catch (error) {
    if (!isDiskFull(error) || !existsSync(files.state)) throw error
    writeInPlace(files.state, text)
  }
}

/** On a full disk the file that is there keeps its room: the new text is written over the old one, with spaces behind it. */
function writeInPlace(file: string, text: string): void {
  const { size } = statSync(file)
  const opened = openSync(file, 'r+')
  try {
    writeSync(opened, text.padEnd(size), 0)
  } finally {
    closeSync(opened)
  }
}
