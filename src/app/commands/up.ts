// `nimbo up`: everything from a bare machine to a cloud whose every API answers, with progress. Harmless when repeated.
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProcessRunner } from '#core/process'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureUsers, installPackages } from '../host.ts'
import { layout } from '../layout.ts'
import { type Choices, chooseSettings, isRoot, publicUrl, type Settings } from '../settings.ts'
import { processStartTime, readState, runningState } from '../state.ts'
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

export async function up(options: UpOptions): Promise<Settings> {
  const files = layout(options.directory)
  const settings = chooseSettings(options.directory, options.choices)
  if (settings.driver === 'real' && !isRoot()) throw new CommandError('The real drivers need root. Run it as root, or with --driver fake: then the control plane runs, without guests.')
  const started = performance.now()
  const line = new ProgressLine()
  const before = runningState(files)
  if (!before || before.phase === 'failed') {
    if (settings.driver === 'real') {
      const runner = createProcessRunner()
      await installPackages(runner, (message) => line.show(message))
      await ensureUsers(runner, (message) => line.show(message))
    }
    await startInBackground(options, line)
  } else {
    await waitUntilReady(options.directory, before.pid, before.startTime, line)
  }
  line.clear()
  if (options.json) printJson({ directory: options.directory, driver: settings.driver, seconds: Math.round((performance.now() - started) / 10) / 100, identity: `${publicUrl(settings, 'keystone')}/v3`, already_running: before !== undefined })
  else if (!options.quiet) print(welcome(options.directory, settings, before !== undefined, (performance.now() - started) / 1000))
  return settings
}

async function startInBackground(options: UpOptions, line: ProgressLine): Promise<void> {
  const files = layout(options.directory)
  mkdirSync(options.directory, { recursive: true })
  const log = openSync(files.log, 'a', 0o640)
  const main = join(import.meta.dirname, '..', 'main.ts')
  const child = spawn(process.execPath, [...process.execArgv, main, 'run', '--data', options.directory, ...options.arguments], {
    detached: true, stdio: ['ignore', log, log], cwd: '/', env: process.env,
  })
  closeSync(log)
  child.unref()
  if (child.pid === undefined) throw new CommandError('The cloud could not be started: no process could be made.')
  await waitUntilReady(options.directory, child.pid, processStartTime(child.pid) ?? '', line)
}

async function waitUntilReady(directory: string, pid: number, startTime: string, line: ProgressLine): Promise<void> {
  const files = layout(directory)
  const end = performance.now() + patienceSeconds * 1000
  while (performance.now() < end) {
    const state = readState(files)
    const ours = state?.pid === pid
    if (ours && state.phase === 'ready') return
    if (ours && state.phase === 'failed') throw new CommandError(`${state.message}\n       The log has more: ${files.log}`)
    if (processStartTime(pid) !== startTime) throw new CommandError(`The cloud ended while it started. The end of its log ${files.log}:\n${lastLines(files.log, 8)}`)
    if (ours) line.show(state.message)
    await sleep(25)
  }
  throw new CommandError(`The cloud was not ready after ${patienceSeconds} s; it goes on trying. See ${files.log}`)
}

export function lastLines(file: string, count: number): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n') : ''
}

function welcome(directory: string, settings: Settings, already: boolean, seconds: number): string {
  const nimbo = directory === '/var/lib/nimbo' ? './nimbo' : `./nimbo --data ${directory}`
  const fake = settings.driver === 'fake' ? '\n  Fake drivers: the APIs are real, guests, networks and volumes are not. As root, real ones run.\n' : ''
  return `${already ? 'The cloud runs already.' : `The cloud is up, after ${seconds.toFixed(1)} s.`}
${fake}
  Identity    ${publicUrl(settings, 'keystone')}/v3
  Data        ${directory}
  Log         ${layout(directory).log}

  As demo     eval "$(${nimbo} openrc demo)"      or  export OS_CLIENT_CONFIG_FILE=${join(directory, 'clouds.yaml')} OS_CLOUD=nimbo
  As admin    eval "$(${nimbo} openrc admin)"     or  … OS_CLOUD=nimbo-admin
  Then        openstack image list
  A tour      ${nimbo} demo
  Stop        ${nimbo} down`
}
