// Runs the cloud in this process, from start to SIGTERM.
import { existsSync, rmSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { listen } from '#core/http'
import { openLog } from '#core/observe'
import { createProcessRunner, startHelper, type StartedHelper } from '#core/process'
import type { Machine } from '#core/service'
import { type Cloud, startCloud } from './cloud.ts'
import { writeCloudsYaml } from './clouds-yaml.ts'
import { readConfiguration } from './configuration.ts'
import { controlTransport } from './control.ts'
import { ensureDefaults } from './defaults.ts'
import { dropTo, ensureFolders, ensureUsers, installPackages } from './host.ts'
import { downloadGuestPackages } from './guest-image/index.ts'
import { leaveHost } from './host-traces.ts'
import { layout } from './layout.ts'
import { loadEverything } from './load.ts'
import { ensureSecrets, isRoot, type Secrets, type Settings, writeSettings } from './settings.ts'
import { processStartTime, runningState, type RunState, writeState } from './state.ts'

export interface RunOptions {
  readonly directory: string
  readonly settings: Settings
  readonly configFile: string | undefined
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

/** Resolves when the cloud has been told to stop and has stopped. */
export async function run({ directory, settings, configFile, logLevel }: RunOptions): Promise<void> {
  const files = layout(directory)
  const already = runningState(files)
  if (already) throw new Error(`This cloud runs already, as process ${already.pid}.`)
  if (settings.driver === 'real' && !isRoot()) throw new Error('The real drivers need root: start it as root, or with --driver fake.')

  const startedAt = new Date().toISOString()
  const startTime = processStartTime(process.pid) ?? ''
  const say = (message: string) => report('starting', message)
  const report = (phase: RunState['phase'], message: string) => writeState(files, { pid: process.pid, startTime, phase, message, startedAt })
  const processes = createProcessRunner()
  const config = await readConfiguration(directory, configFile)
  let privileged: StartedHelper | undefined
  let machine: Machine | undefined

  if (isRoot() && settings.driver === 'real') {
    const early = (message: string) => void process.stderr.write(`${message}\n`)
    await installPackages(processes, early)
    const users = await ensureUsers(processes, early)
    ensureFolders(files, users)
    // Before the cloud's networks are there, which may lie over the archive's address.
    if (!existsSync(files.defaults)) await downloadGuestPackages(processes, files.packages)
    else rmSync(files.packages, { recursive: true, force: true })
    privileged = await startHelper({ prefix: settings.prefix, dataDirectory: files.data, ownUser: users.own, qemuUser: users.qemu }, files.cache)
    machine = { prefix: settings.prefix, qemuUid: users.qemu.uid, link: settings.link }
    const secrets = keepChoices()
    // What is loaded now is loaded as root: the program may lie where the user nimbo cannot look.
    await loadEverything()
    flushCompileCache()
    dropTo(users.own, users)
    return serve(secrets)
  }
  ensureFolders(files, undefined)
  return serve(keepChoices())

  function keepChoices(): Secrets {
    writeSettings(directory, settings)
    const secrets = ensureSecrets(directory)
    writeCloudsYaml(directory, settings, secrets)
    return secrets
  }

  async function serve(secrets: Secrets): Promise<void> {
    const log = openLog({ level: logLevel })
    const stop = Promise.withResolvers<string>()
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.resolve(signal))
    process.on('unhandledRejection', (error) => log.error({ err: error }, 'a promise was left to fail'))
    process.on('uncaughtException', (error) => {
      log.error({ err: error }, 'the process ends because of an error that nobody caught')
      process.exit(70)
    })
    report('starting', 'Starting')
    let cloud: Cloud | undefined
    try {
      cloud = await startCloud({
        dataDirectory: files.data, settings, secrets, processes, config, sockets: true, progress: say,
        capabilities: { clock: systemClock, random: systemRandom, ids: systemIds, log },
        ...(privileged && { privileged }), ...(machine && { machine }),
      })
      if (existsSync(files.control)) rmSync(files.control)
      const status = () => ({ pid: process.pid, started_at: startedAt, driver: settings.driver, memory_bytes: process.memoryUsage.rss(), ports: cloud?.ports ?? {} })
      const control = await listen(controlTransport({ trace: cloud.trace, status }), { path: files.control })
      await ensureDefaults({ cloud, settings, secrets, files, processes, log, progress: say })
      report('ready', 'Every API answers.')
      if (!privileged) flushCompileCache()
      log.info({ pid: process.pid }, 'the cloud is up')
      const reason = await stop.promise
      report('stopping', 'Stopping')
      log.info({ reason }, 'the cloud goes down')
      await control.close()
    } catch (error) {
      log.error({ err: error }, 'the cloud could not start')
      report('failed', explain(error))
      await cloud?.stop()
      await privileged?.close()
      throw error
    }
    await cloud.stop()
    if (privileged && machine) {
      const guests = await leaveHost({ privileged, settings, files, qemuUid: machine.qemuUid })
      log.info({ guests }, guests > 0 ? 'guests go on running, with their networks and volumes' : 'the host is as it was')
    }
    await privileged?.close()
    rmSync(files.state, { force: true })
  }
}

function explain(error: unknown): string {
  const { code, address, port, message } = error as { code?: string; address?: string; port?: number; message: string }
  if (code === 'EADDRINUSE') return `Port ${port} on ${address} is taken by another program. Stop that one, or choose other ports with --port-offset.`
  return message
}
