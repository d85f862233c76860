// `nimbo status`: whether the cloud runs, where its APIs are, and what it uses.
import { askControl } from '../control.ts'
import { layout } from '../layout.ts'
import { publicUrl, readSettings } from '../settings.ts'
import { readState, runningState } from '../state.ts'
import { print, printJson, table } from '../terminal.ts'

interface Status {
  readonly pid: number
  readonly started_at: string
  readonly driver: string
  readonly memory_bytes: number
}

/** @returns whether it is up: what a script asks */
export async function status(directory: string, json: boolean): Promise<boolean> {
  const files = layout(directory)
  const settings = readSettings(directory)
  const state = runningState(files)
  const live = state && (await askControl<Status>(files.control, '/status'))
  const last = state ?? readState(files)
  const failed = last?.phase === 'failed' ? last.message : undefined
  const phase = state?.phase ?? (failed !== undefined ? 'failed' : last ? 'killed' : 'down')
  const apis = settings ? Object.keys(settings.ports).map((name) => ({ name, url: publicUrl(settings, name as keyof typeof settings.ports) })) : []
  const up = phase === 'ready'
  if (json) {
    printJson({ phase, directory, ...(failed !== undefined && { message: failed }), ...(live && { pid: live.pid, started_at: live.started_at, driver: live.driver, memory_bytes: live.memory_bytes }), apis })
    return up
  }
  const memory = live ? `, ${(live.memory_bytes / 1e6).toFixed(0)} MB` : ''
  print(`${describe[phase] ?? phase}${state ? ` Process ${state.pid}, since ${state.startedAt}${memory}.` : ''}`)
  if (failed !== undefined) print(failed)
  if (!settings) return up
  print(`Data: ${directory}   Drivers: ${settings.driver}   Public network: ${settings.publicCidr}\n`)
  print(table(['API', 'Address'], apis.map(({ name, url }) => [name, url])))
  return up
}

const describe: Readonly<Record<string, string>> = {
  starting: 'The cloud starts.', ready: 'The cloud is up.', stopping: 'The cloud stops.', failed: 'The cloud does not run: it ended because of an error.',
  killed: 'The cloud was killed; `up` starts it again and finds its guests.', down: 'The cloud is down.',
}
