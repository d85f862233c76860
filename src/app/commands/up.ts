// `nimbo up`: everything from a bare machine to a cloud whose every API answers, with progress. Harmless when repeated.
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Layout, layout } from '../layout.ts'
import { refuseForeign } from '../own-folder.ts'
import { type Choices, chooseSettings, dataDirectory, isRoot, publicUrl, readSettings, type Settings } from '../settings.ts'
import { processStartTime, readState, type RunState, runningState } from '../state.ts'
import { CommandError, print, printJson, ProgressLine } from '../terminal.ts'

export interface UpOptions {
  readonly directory: string
  readonly choices: Choices
  /** The options as they are handed to `nimbo run`. */
  readonly arguments: readonly string[]
  readonly json: boolean
  readonly quiet?: boolean
}

const patienceSeconds = 900
/** How long a cloud that stops is waited for before a new one is started. */
const endSeconds = 60

export async function up(options: UpOptions): Promise<Settings> {
  const files = layout(options.directory)
  const settings = chooseSettings(options.directory, options.choices)
  if (settings.driver === 'real' && !isRoot()) throw new CommandError('The real drivers need root. Run it as root, or with --driver fake: then the control plane runs, without guests.')
  const started = performance.now()
  const line = new ProgressLine()
  const before = await livingCloud(files)
  if (!before) {
    await startInBackground(options, line)
  } else {
    await waitUntilReady(options.directory, before, line)
  }
  line.clear()
  const running = readSettings(options.directory) ?? settings
  if (before) refuseElsewhere(running, settings)
  if (options.json) printJson({ directory: options.directory, driver: running.driver, seconds: Math.round((performance.now() - started) / 10) / 100, identity: `${publicUrl(running, 'keystone')}/v3`, already_running: before !== undefined })
  else if (!options.quiet) print(welcome(options, running, before !== undefined, (performance.now() - started) / 1000))
  return running
}

/** A cloud that runs stays where it is. */
function refuseElsewhere(running: Settings, wanted: Settings): void {
  const [is, asked] = [running, wanted].map((each) => publicUrl(each, 'keystone'))
  if (is !== asked) throw new CommandError(`The cloud runs already, at ${is} and not at ${asked}. Stop it with \`down\` to start it there.`)
}

async function startInBackground(options: UpOptions, line: ProgressLine): Promise<void> {
  const files = layout(options.directory)
  refuseForeign(files)
  const log = openLogFile(options.directory, files.log)
  const main = join(import.meta.dirname, '..', 'main.ts')
  const child = spawn(process.execPath, [...process.execArgv, main, 'run', '--data', options.directory, ...options.arguments], {
    detached: true, stdio: ['ignore', log, log], cwd: '/', env: process.env,
  })
  closeSync(log)
  child.unref()
  if (child.pid === undefined) throw new CommandError('The cloud could not be started: no process could be made.')
  await waitUntilReady(options.directory, { pid: child.pid, startTime: processStartTime(child.pid) ?? '' }, line)
}

function openLogFile(directory: string, log: string): number {
  try {
    mkdirSync(directory, { recursive: true })
    return openSync(log, 'a', 0o640)
  } catch (error) {
    throw new CommandError(`The folder of the cloud cannot be made or written: ${directory} (${(error as NodeJS.ErrnoException).code ?? String(error)}). Choose another one with --data.`)
  }
}

/** The cloud that runs, once it is clear that it does not just end. */
async function livingCloud(files: Layout): Promise<RunState | undefined> {
  for (const end = performance.now() + endSeconds * 1000; performance.now() < end; await sleep(25)) {
    const state = runningState(files)
    if (!state || state.phase === 'starting' || state.phase === 'ready') return state
  }
  throw new CommandError(`The cloud (process ${runningState(files)?.pid ?? ''}) is stopping and does not come to an end. See ${files.log}`)
}

async function waitUntilReady(directory: string, started: Pick<RunState, 'pid' | 'startTime'>, line: ProgressLine): Promise<void> {
  const files = layout(directory)
  let { pid, startTime } = started
  let seen = false
  for (const end = performance.now() + patienceSeconds * 1000; performance.now() < end; await sleep(25)) {
    const state = readState(files)
    const ours = state?.pid === pid && state.startTime === startTime
    if (ours && state.phase === 'ready') return
    if (ours && state.phase === 'failed') throw new CommandError(`${state.message}\n       The log has more: ${files.log}`)
    if (ours) line.show(state.message)
    seen ||= ours
    if (processStartTime(pid) === startTime) continue
    const other = runningState(files)
    // Another `up` was quicker: its cloud is ours too.
    if (other && other.pid !== pid) ({ pid, startTime } = other)
    else if (seen && !readState(files)) throw new CommandError('The cloud was stopped while it started.')
    else throw new CommandError(`The cloud ended while it started. The end of its log ${files.log}:\n${lastLines(files.log, 8)}`)
  }
  throw new CommandError(`The cloud was not ready after ${patienceSeconds} s; it goes on trying. See ${files.log}`)
}

export function lastLines(file: string, count: number): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n') : ''
}

/** How this cloud is spoken to on the command line. */
export function commandFor(directory: string): string {
  return directory === dataDirectory(undefined) ? './nimbo' : `./nimbo --data ${directory}`
}

function welcome({ directory, arguments: given }: UpOptions, settings: Settings, already: boolean, seconds: number): string {
  const nimbo = commandFor(directory)
  const fake = settings.driver === 'fake' ? '\n  Fake drivers: the APIs are real, guests, networks and volumes are not. A cloud that root begins has real ones.\n' : ''
  const late = given.filter((word) => ['--config', '--log-level'].includes(word)).join(' and ')
  const runs = `The cloud runs already.${late && ` What ${late} says counts when it starts: stop it with \`down\` first.`}`
  return `${already ? runs : `The cloud is up, after ${seconds.toFixed(1)} s.`}
${fake}
  Identity    ${publicUrl(settings, 'keystone')}/v3
  Public      ${settings.publicCidr}
  Data        ${directory}
  Log         ${layout(directory).log}

  As demo     eval "$(${nimbo} openrc demo)"      or  export OS_CLIENT_CONFIG_FILE=${join(directory, 'clouds.yaml')} OS_CLOUD=nimbo
  As admin    eval "$(${nimbo} openrc admin)"     or  … OS_CLOUD=nimbo-admin
  Then        openstack image list
  A tour      ${nimbo} demo
  Stop        ${nimbo} down`
}
