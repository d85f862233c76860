// Runs a cloud in this process from its start to its end. Set-up needs root; then the privileged helper is forked, all code is
// loaded, and this process goes on as its own user.
import { existsSync, rmSync } from 'node:fs'
import { createProcessRunner, type StartedHelper, startHelper } from '#core/process'
import { readConfiguration } from './configuration.ts'
import { writeCloudsYaml } from './clouds-yaml.ts'
import { checkPorts } from './free-ports.ts'
import { ensureUsers, giveFolders, installPackages } from './host.ts'
import { gatherGuestParts } from './guest-image/index.ts'
import { layout } from './layout.ts'
import { loadEverything } from './load.ts'
import { takeLock } from './lock.ts'
import type { Root } from './serve.ts'
import { ensureSecrets, isRoot, type Secrets, type Settings, writeSettings } from './settings.ts'
import { processStartTime, runningState, type RunState, writeState } from './state.ts'
import { CommandError } from './terminal.ts'

export interface RunOptions {
  readonly directory: string
  readonly settings: Settings
  readonly configFile: string | undefined
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

/** Resolves when the cloud, whose folders are made, has been told to stop and has stopped. */
export async function run({ directory, settings, configFile, logLevel }: RunOptions): Promise<void> {
  const files = layout(directory)
  if (settings.driver === 'real' && !isRoot()) throw new CommandError('The real drivers need root: start it as root, or with --driver fake.')
  const startedAt = new Date().toISOString()
  const startTime = processStartTime(process.pid) ?? ''
  if (!(await takeLock(directory))) throw new CommandError(`This cloud runs already${((state) => (state ? `, as process ${state.pid}` : ''))(runningState(files))}.`)

  const stop = Promise.withResolvers<string>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.resolve(signal))
  const unlessStopped = <T>(work: Promise<T>): Promise<T> => Promise.race([work, stop.promise.then((): never => {
    throw new Stopped()
  })])
  const report = (phase: RunState['phase'], message: string) => writeState(files, { pid: process.pid, startTime, phase, message, startedAt })
  const say = (message: string) => report('starting', message)
  const processes = createProcessRunner()
  let helper: Promise<StartedHelper> | undefined

  try {
    say('Starting')
    await checkPorts(settings)
    const preparing = prepare()
    // Much to read: it is read while the helper starts and the packages are looked at.
    const [root, config, { serve }] = await unlessStopped(Promise.all([preparing, readConfiguration(directory, configFile), import('./serve.ts'), settings.driver === 'real' && loadEverything()]))
    await serve({ settings, files, secrets: keepChoices(), config, logLevel, root, processes, startedAt, report, stop: stop.promise })
  } catch (error) {
    await helper?.then((started) => started.close(), () => undefined)
    if (error instanceof Stopped) return rmSync(files.state, { force: true })
    report('failed', (error as Error).message)
    throw error
  }
  rmSync(files.state, { force: true })

  /** All that needs root. */
  async function prepare(): Promise<Root | undefined> {
    if (settings.driver !== 'real') return undefined
    const users = await ensureUsers(processes, say)
    giveFolders(files, users)
    helper = startHelper({ prefix: settings.prefix, dataDirectory: files.data, ownUser: users.own, qemuUser: users.qemu }, files.cache)
    helper.catch(() => undefined)
    await installPackages(processes, say)
    // Before the cloud's networks are there, which may lie over the archive's address.
    if (!existsSync(files.defaults)) {
      say('Downloading what the test image is made from')
      await gatherGuestParts(processes, files.packages)
    } else rmSync(files.packages, { recursive: true, force: true })
    return { helper: await helper, users }
  }

  function keepChoices(): Secrets {
    writeSettings(directory, settings)
    const secrets = ensureSecrets(directory)
    writeCloudsYaml(directory, settings, secrets)
    return secrets
  }
}

/** Told to stop while it started. */
class Stopped extends Error {}
