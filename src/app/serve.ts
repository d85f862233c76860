// The part of a run that serves: gives up root, starts the cloud, and takes it off the host again when it is over.
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { listen, type Listening } from '#core/http'
import { openLog } from '#core/observe'
import type { ProcessRunner, StartedHelper } from '#core/process'
import { type Cloud, startCloud } from './cloud.ts'
import type { Configuration } from './configuration.ts'
import { controlTransport } from './control.ts'
import { ensureDefaults } from './defaults.ts'
import { createDoctor } from './doctor.ts'
import { dropTo, type HostUsers } from './host.ts'
import { leaveHost } from './host-traces.ts'
import type { Layout } from './layout.ts'
import type { Secrets, Settings } from './settings.ts'
import type { RunState } from './state.ts'

/** What the process has from when it was root. */
export interface Root {
  readonly helper: StartedHelper
  readonly users: HostUsers
}

export interface ServeOptions {
  readonly settings: Settings
  readonly files: Layout
  readonly secrets: Secrets
  readonly config: Configuration
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** Present with real drivers. */
  readonly root: Root | undefined
  readonly processes: ProcessRunner
  readonly startedAt: string
  report(phase: RunState['phase'], message: string): void
  /** Resolves with the reason when the cloud shall stop. */
  readonly stop: Promise<string>
}

/** Resolves when the cloud has been told to stop and has stopped. */
export async function serve({ settings, files, secrets, config, logLevel, root, processes, startedAt, report, stop }: ServeOptions): Promise<void> {
  if (root) {
    // What is loaded by now was loaded as root: the program may lie where the user nimbo cannot look.
    flushCompileCache()
    dropTo(root.users.own, root.users)
  }
  const log = openLog({ level: logLevel })
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a promise was left to fail'))
  process.on('uncaughtException', (error) => {
    log.error({ err: error }, 'the process ends because of an error that nobody caught')
    process.exit(70)
  })
  const say = (message: string) => report('starting', message)
  const machine = root && { prefix: settings.prefix, qemuUid: root.users.qemu.uid, link: settings.link }
  let cloud: Cloud | undefined
  let control: Listening | undefined
  const alone = new Promise<never>((_resolve, reject) => void root?.helper.ended.then(() => reject(new HelperLost())))
  alone.catch(() => undefined)
  const toldToStop = stop.then((): never => {
    throw new StoppedEarly()
  })
  toldToStop.catch(() => undefined)
  const leave = async () => {
    await control?.close()
    await cloud?.stop()
    if (!root || !machine) return
    const guests = await leaveHost({ privileged: root.helper, settings, files, qemuUid: machine.qemuUid })
    log.info({ guests }, guests > 0 ? 'guests go on running, with their networks and volumes' : 'the host is as it was')
  }
  try {
    const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log }
    const started = startCloud({
      dataDirectory: files.data, settings, secrets, processes, config, sockets: true, progress: say, capabilities,
      ...(root && { privileged: root.helper }), ...(machine && { machine }),
    })
    cloud = await Promise.race([started, alone])
    const running = cloud
    if (existsSync(files.control)) rmSync(files.control)
    const status = () => ({ pid: process.pid, started_at: startedAt, driver: settings.driver, memory_bytes: process.memoryUsage.rss(), ports: running.ports })
    control = await listen(controlTransport({ trace: cloud.trace, status, doctor: createDoctor(cloud.bus, capabilities) }), { path: files.control })
    // Whoever may write to it may connect, and see all projects: whatever the umask is, that is its owner.
    chmodSync(files.control, 0o600)
    await Promise.race([ensureDefaults({ cloud, settings, secrets, files, processes, log, progress: say }), alone, toldToStop])
    report('ready', 'Every API answers.')
    if (!root) flushCompileCache()
    log.info({ pid: process.pid }, 'the cloud is up')
    const reason = await Promise.race([stop, alone])
    log.info({ reason }, 'the cloud goes down')
  } catch (error) {
    if (!(error instanceof StoppedEarly)) {
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
  await root?.helper.close()
}

/** Told to stop while it made the cloud's first resources. */
class StoppedEarly extends Error {}

/** Nothing is wrong with what was asked for: a new process can do it. */
class HelperLost extends Error {
  /** EX_TEMPFAIL of sysexits.h: a supervisor may start it again. */
  readonly exitStatus = 75
  override readonly message = 'The privileged helper was killed, and without it nothing can be done on this host. Guests go on running: `nimbo up` starts the cloud again and finds them.'
}
