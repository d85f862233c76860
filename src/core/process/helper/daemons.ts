// Programs that outlive the helper and the control plane: started in a session of their own, recorded by pid, start
// time and command line, and found again by all three.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants, fchownSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandFailed } from '../errors.ts'
import type { DaemonKind, DaemonSpec, ProcessIdentity, StrayProgram } from '../interface.ts'
import { identifier, openInside, optionalNamespace, pathInside, refuse, text, texts } from './allow.ts'
import { dnsmasqArgs } from './allow-dnsmasq.ts'
import { commandLine, startTimeOf } from './proc.ts'
import type { HelperOptions } from './protocol.ts'
import { inNamespace, type Program, programs } from './spawn.ts'
import { strayPrograms } from './strays.ts'
import { turns } from '../turns.ts'

export interface DaemonKeeper {
  start(spec: unknown): Promise<ProcessIdentity>
  living(kind: unknown): ReadonlyMap<string, ProcessIdentity>
  signal(kind: unknown, id: unknown, signal: unknown): boolean
  strays(kind: unknown): readonly StrayProgram[]
  signalStray(kind: unknown, stray: unknown, signal: unknown): boolean
}

interface DaemonRecord extends ProcessIdentity {
  /** 0 before the start: who comes after a crash looks for the command. */
  readonly pid: number
  readonly command: readonly string[]
}

const kinds: readonly DaemonKind[] = ['qemu', 'qemu-storage-daemon', 'dnsmasq']
const signals = ['SIGTERM', 'SIGKILL', 'SIGHUP'] as const
const secondsToBecomeItself = 5
const graceMilliseconds = 30

export function daemonKeeper(options: HelperOptions, records: string, find: (program: Program) => string): DaemonKeeper {
  for (const kind of kinds) mkdirSync(join(records, kind), { recursive: true, mode: 0o755 })
  const inTurn = turns()
  /** Paths of records whose daemons are being started now. */
  const launching = new Set<string>()

  const checkKind = (kind: unknown): DaemonKind =>
    kinds.includes(kind as DaemonKind) ? (kind as DaemonKind) : refuse('A kind of daemon', kind)
  const recordPath = (kind: DaemonKind, id: string) => join(records, kind, `${id}.json`)
  const idsOf = (kind: DaemonKind) => readdirSync(join(records, kind)).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length))

  function read(kind: DaemonKind, id: string): ProcessIdentity | undefined {
    const path = recordPath(kind, id)
    const record = recordAt(path)
    if (!record) return undefined
    if (record.pid === 0) {
      if (launching.has(path)) return undefined
      const found = findByCommand(record.command, [0, kind === 'dnsmasq' ? options.ownUser.uid : options.qemuUser.uid])
      if (found) writeRecord(path, { ...found, command: record.command })
      else rmSync(path, { force: true })
      return found
    }
    if (isSame(record)) return { pid: record.pid, startTime: record.startTime }
    rmSync(path, { force: true })
    return undefined
  }

  /** The whole command: into the namespace, down to the user, then the program itself. */
  function command(spec: DaemonSpec, netns: string | undefined): { file: string; args: string[]; own: string[] } {
    const program = find(spec.kind)
    if (spec.kind === 'dnsmasq') {
      const own = [program, ...dnsmasqArgs(options, spec.args), `--user=${options.ownUser.name}`]
      const [file, args] = inNamespace(netns, own[0] as string, own.slice(1))
      return { file, args, own }
    }
    const { uid, gid } = options.qemuUser
    const own = [program, ...spec.args]
    const drop = [`--reuid=${uid}`, `--regid=${gid}`, ...supplementaryGroups(), '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all']
    const [file, args] = inNamespace(netns, programs.setpriv[0], [...drop, '--', ...own])
    return { file, args, own }
  }

  async function launch(spec: DaemonSpec, netns: string | undefined): Promise<ProcessIdentity> {
    const { file, args, own } = command(spec, netns)
    const output = openInside(options, spec.outputFile, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND)
    let identity: ProcessIdentity | undefined
    let child: ChildProcess | undefined
    const path = recordPath(spec.kind, spec.id)
    launching.add(path)
    try {
      writeRecord(path, { pid: 0, startTime: '', command: own })
      fchownSync(output, options.ownUser.uid, options.ownUser.gid)
      const written = () => tail(spec.outputFile)
      // What QEMU makes, its sockets first of all, is for its group too: the control plane's user belongs to it.
      const usual = process.umask(spec.kind === 'dnsmasq' ? 0o022 : 0o007)
      child = spawn(file, args, {
        detached: true,
        stdio: ['ignore', output, output],
        cwd: '/',
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
      })
      process.umask(usual)
      child.unref()
      let ended: { code: number | null; message?: string } | undefined
      child.on('exit', (code) => (ended = { code }))
      child.on('error', (cause) => (ended = { code: null, message: cause.message }))
      const failed = () => new CommandFailed({ program: spec.kind, exitCode: ended?.code ?? undefined, stderr: ended?.message ?? written() })
      // nsenter and setpriv become the program by exec, so the pid stays and only the command line changes.
      const until = performance.now() + secondsToBecomeItself * 1000
      while (!ended && performance.now() < until && !sameCommand(child.pid as number, own)) await wait(5)
      if (!ended) await wait(graceMilliseconds)
      if (ended || child.pid === undefined) throw failed()
      identity = { pid: child.pid, startTime: startTimeOf(child.pid) ?? '' }
      if (!isSame({ ...identity, command: own })) throw failed()
      writeRecord(path, { ...identity, command: own })
      return identity
    } catch (error) {
      // What cannot be recorded would never be found again.
      child?.kill('SIGKILL')
      rmSync(path, { force: true })
      throw error
    } finally {
      launching.delete(path)
      closeSync(output)
    }
  }

  function strays(value: unknown): readonly StrayProgram[] {
    const kind = checkKind(value)
    const own = idsOf(kind).flatMap((id) => recordAt(recordPath(kind, id)) ?? [])
    return strayPrograms(options, kind, (pid) => own.some((record) => (record.pid === 0 ? willBe(pid, record.command) : record.pid === pid && record.startTime === startTimeOf(pid))))
  }

  function send(identity: ProcessIdentity | undefined, signal: unknown): boolean {
    if (!signals.includes(signal as (typeof signals)[number])) refuse('A signal', signal)
    if (!identity) return false
    try {
      process.kill(identity.pid, signal as NodeJS.Signals)
      return true
    } catch {
      return false
    }
  }

  return {
    start(value) {
      const given = (value ?? {}) as Record<string, unknown>
      const kind = checkKind(given['kind'])
      const spec: DaemonSpec = {
        kind, id: identifier(given['id']), args: texts(given['args'], 'An argument'),
        outputFile: pathInside(options, text(given['outputFile'], 'A path')),
      }
      const netns = optionalNamespace(options, given)
      return inTurn(`${kind} ${spec.id}`, async () => read(kind, spec.id) ?? launch(spec, netns))
    },
    living(value) {
      const kind = checkKind(value)
      const found = new Map<string, ProcessIdentity>()
      for (const id of idsOf(kind)) {
        const identity = read(kind, id)
        if (identity) found.set(id, identity)
      }
      return found
    },
    signal(kind, id, signal) {
      return send(read(checkKind(kind), identifier(id)), signal)
    },
    strays,
    signalStray(kind, stray, signal) {
      const { pid, startTime } = (stray ?? {}) as Partial<ProcessIdentity>
      return send(strays(kind).find((each) => each.pid === pid && each.startTime === startTime), signal)
    },
  }
}

/** A record that another user could have written is no record. */
function recordAt(path: string): DaemonRecord | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat?.isFile() && stat.uid === process.getuid?.() ? (JSON.parse(readFileSync(path, 'utf8')) as DaemonRecord) : undefined
}

function writeRecord(path: string, record: DaemonRecord): void {
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o644 })
  renameSync(`${path}.new`, path)
}

/** A process with exactly this command line, or about to have it, of one of these users: nobody else can pass for ours. */
function findByCommand(command: readonly string[], users: readonly number[]): ProcessIdentity | undefined {
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || !willBe(pid, command)) continue
    const startTime = startTimeOf(pid)
    const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid
    if (startTime !== undefined && owner !== undefined && users.includes(owner)) return { pid, startTime }
  }
  return undefined
}

/** Groups of the devices that QEMU may need: /dev/kvm belongs to one on most distributions. */
function supplementaryGroups(): string[] {
  const stat = statSync('/dev/kvm', { throwIfNoEntry: false })
  return stat && stat.gid !== 0 && (stat.mode & 0o060) === 0o060 ? [`--groups=${stat.gid}`] : ['--clear-groups']
}

const joined = (command: readonly string[]): string => command.map((word) => `${word}\0`).join('')
const sameCommand = (pid: number, command: readonly string[]): boolean => commandLine(pid) === joined(command)

/** It is the program, or what becomes it by exec: into the namespace, down to the user. */
function willBe(pid: number, command: readonly string[]): boolean {
  if (sameCommand(pid, command)) return true
  const words = commandLine(pid)
  const becomes = [programs.nsenter[0], programs.setpriv[0]].some((program) => words.startsWith(`${program}\0`))
  return becomes && words.endsWith(`\0--\0${joined(command)}`)
}

const isSame = (record: DaemonRecord) => startTimeOf(record.pid) === record.startTime && willBe(record.pid, record.command)

function tail(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-2000)
  } catch {
    return ''
  }
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
