// Runs the cloud in this process, from start to SIGTERM.
import { existsSync, rmSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { listen, type Listening } from '#core/http'
import { openLog } from '#core/observe'
import { createProcessRunner, startHelper, type StartedHelper } from '#core/process'
import type { Machine } from '#core/service'
import { type Cloud, startCloud } from './cloud.ts'
import { writeCloudsYaml } from './clouds-yaml.ts'
import { type Configuration, readConfiguration } from './configuration.ts'
import { controlTransport } from './control.ts'
import { ensureDefaults } from './defaults.ts'
import { createDoctor } from './doctor.ts'
import { checkPorts } from './free-ports.ts'
import { dropTo, ensureFolders, ensureUsers, type HostUsers, installPackages } from './host.ts'
import { gatherGuestParts } from './guest-image/index.ts'
import { leaveHost } from './host-traces.ts'
import { layout } from './layout.ts'
import { loadEverything } from './load.ts'
import { takeLock } from './lock.ts'
import { ensureSecrets, isRoot, type Secrets, type Settings, writeSettings } from './settings.ts'
import { processStartTime, runningState, type RunState, writeState } from './state.ts'
import { CommandError } from './terminal.ts'

export interface RunOptions {
  readonly directory: string
  readonly settings: Settings
  readonly configFile: string | undefined
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

/** Told to stop while it started. */
class Stopped extends Error {}

/** Resolves when the cloud has been told to stop and has stopped. */
export async function run({ directory, settings, configFile, logLevel }: RunOptions): Promise<void> {
  const files = layout(directory)
  if (settings.driver === 'real' && !isRoot()) throw new CommandError('The real drivers need root: start it as root, or with --driver fake.')
  // Whoever starts it may be strict with new files; other users of this cloud must see some of these.
  process.umask(0o022)
  const startedAt = new Date().toISOString()
  const startTime = processStartTime(process.pid) ?? ''
  makeFolders(files)
  if (!(await takeLock(directory))) throw new CommandError(`This cloud runs already${((state) => (state ? `, as process ${state.pid}` : ''))(runningState(files))}.`)

  const stop = Promise.withResolvers<string>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.resolve(signal))
  const unlessStopped = <T>(work: Promise<T>): Promise<T> => Promise.race([work, stop.promise.then((): never => {
    throw new Stopped()
  })])
  const report = (phase: RunState['phase'], message: string) => writeState(files, { pid: process.pid, startTime, phase, message, startedAt })
  const say = (message: string) => report('starting', message)
  const processes = createProcessRunner()
  let privileged: StartedHelper | undefined
  let machine: Machine | undefined
  let users: HostUsers | undefined

  try {
    say('Starting')
    const config = await readConfiguration(directory, configFile)
    await checkPorts(settings)
    await unlessStopped(prepare())
    await serve(config, keepChoices())
  } catch (error) {
    await privileged?.close()
    if (error instanceof Stopped) return rmSync(files.state, { force: true })
    report('failed', (error as Error).message)
    throw error
  }
  rmSync(files.state, { force: true })

  /** All that needs root. */
  async function prepare(): Promise<void> {
    if (settings.driver !== 'real') return
    await installPackages(processes, say)
    users = await ensureUsers(processes, say)
    ensureFolders(files, users)
    // Before the cloud's networks are there, which may lie over the archive's address.
    if (!existsSync(files.defaults)) {
      say('Downloading what the test image is made from')
      await gatherGuestParts(processes, files.packages)
    } else rmSync(files.packages, { recursive: true, force: true })
    privileged = await startHelper({ prefix: settings.prefix, dataDirectory: files.data, ownUser: users.own, qemuUser: users.qemu }, files.cache)
    machine = { prefix: settings.prefix, qemuUid: users.qemu.uid, link: settings.link }
  }

  function keepChoices(): Secrets {
    writeSettings(directory, settings)
    const secrets = ensureSecrets(directory)
    writeCloudsYaml(directory, settings, secrets)
    return secrets
  }

  async function serve(config: Configuration, secrets: Secrets): Promise<void> {
    if (privileged && users) {
      // What is loaded now is loaded as root: the program may lie where the user nimbo cannot look.
      await loadEverything(files.cache)
      flushCompileCache()
      dropTo(users.own, users)
    }
    const log = openLog({ level: logLevel })
    process.on('unhandledRejection', (error) => log.error({ err: error }, 'a promise was left to fail'))
    process.on('uncaughtException', (error) => {
      log.error({ err: error }, 'the process ends because of an error that nobody caught')
      process.exit(70)
    })
    let cloud: Cloud | undefined
    let control: Listening | undefined
    const alone = new Promise<never>((_resolve, reject) => void privileged?.ended.then(() => reject(new HelperLost())))
    alone.catch(() => undefined)
    const leave = async () => {
      await control?.close()
      await cloud?.stop()
      if (!privileged || !machine) return
      const guests = await leaveHost({ privileged, settings, files, qemuUid: machine.qemuUid })
      log.info({ guests }, guests > 0 ? 'guests go on running, with their networks and volumes' : 'the host is as it was')
    }
    try {
      const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log }
      const started = startCloud({
        dataDirectory: files.data, settings, secrets, processes, config, sockets: true, progress: say,
        capabilities,
        ...(privileged && { privileged }), ...(machine && { machine }),
      })
      cloud = await Promise.race([started, alone])
      const running = cloud
      if (existsSync(files.control)) rmSync(files.control)
      const status = () => ({ pid: process.pid, started_at: startedAt, driver: settings.driver, memory_bytes: process.memoryUsage.rss(), ports: running.ports })
      control = await listen(controlTransport({ trace: cloud.trace, status, doctor: createDoctor(cloud.bus, capabilities) }), { path: files.control })
      await Promise.race([unlessStopped(ensureDefaults({ cloud, settings, secrets, files, processes, log, progress: say })), alone])
      report('ready', 'Every API answers.')
      if (!privileged) flushCompileCache()
      log.info({ pid: process.pid }, 'the cloud is up')
      const reason = await Promise.race([stop.promise, alone])
      log.info({ reason }, 'the cloud goes down')
    } catch (error) {
      if (!(error instanceof Stopped)) {
        log.error({ err: error }, 'the cloud cannot go on')
        report('failed', (error as Error).message)
        // Without the helper nothing can be taken off the host; the next start finds it all again.
        if (!(error instanceof HelperLost)) await leave().catch((cause: unknown) => log.error({ err: cause }, 'the host could not be cleared'))
        throw error
      }
      log.info({}, 'the cloud goes down while it starts')
    }
    report('stopping', 'Stopping')
    await leave()
    await privileged?.close()
  }
}

class HelperLost extends Error {
  override readonly message = 'The privileged helper was killed, and without it nothing can be done on this host. Guests go on running: `nimbo up` starts the cloud again and finds them.'
}

function makeFolders(files: ReturnType<typeof layout>): void {
  try {
    ensureFolders(files, undefined)
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    throw new CommandError(`The folder of the cloud cannot be made or written: ${path ?? files.directory} (${code ?? String(error)}). Choose another one with --data.`)
  }
}
