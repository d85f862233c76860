// SIGKILL of a control plane at an exact place of its journal. The program under test knows nothing of it: one kind watches the journal in a tight loop,
// the other puts a trigger into the database that makes the very statement which would end the step take for ever.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { DatabaseName } from './rows-and-reality.ts'

/**
 * `started`: the journal says that the step began, its effects have at most begun. `midway`: half its usual time later. `finished`: all its effects are there,
 * the transaction that would say so is lost.
 */
export type Moment = 'started' | 'midway' | 'finished'

/** Who is killed. Without the helper the control plane ends by itself; the others are the cloud's to bring back. */
export type Victim = 'control plane' | 'helper' | 'QEMU' | 'dnsmasq' | 'storage daemon'

export interface KillPoint {
  readonly victim: Victim
  readonly operation: string
  readonly step: string
  readonly moment: Moment
}

/** Those that come and go are found by their command when it is time. */
const commands: Partial<Record<Victim, string>> = { QEMU: 'qemu-system\\S* ', dnsmasq: 'dnsmasq ', 'storage daemon': 'qemu-storage-daemon ' }

export interface WatchOrder {
  readonly file: string
  readonly operation: string
  readonly step: string
  readonly after: number
  readonly victim: { readonly pid: number } | { readonly directory: string; readonly command: string }
  readonly delayMilliseconds: number
  readonly withinMilliseconds: number
}

export interface Armed {
  /** Comes true once the signal was sent. @throws when the step was never reached, or nobody was there to be killed */
  readonly fired: Promise<void>
}

const withinSeconds = 60
const frozenMilliseconds = 250

export function databaseOf(operation: string): DatabaseName {
  if (/^(?:volume|attachment)\./.test(operation)) return 'cinder'
  if (/^(?:port|network|router|security-group)\./.test(operation)) return 'neutron'
  return ['server.build', 'server.delete'].includes(operation) ? 'nova_api' : 'nova_cell1'
}

/**
 * @param pid of the control plane or its helper; the others are found
 * @param usualMilliseconds how long the step takes when nobody disturbs it
 */
export async function armKill(directory: string, pid: number, point: KillPoint, usualMilliseconds: number): Promise<Armed> {
  const file = join(directory, 'data', 'db', `${databaseOf(point.operation)}.db`)
  if (point.moment === 'finished') {
    const frozen = freezeAtEnd(file, pid, point)
    frozen.catch(() => {})
    return { fired: frozen }
  }
  const database = new DatabaseSync(file, { readOnly: true })
  const { after } = database.prepare('select coalesce(max(rowid), 0) as after from operation_steps').get() as { after: number }
  database.close()
  const command = commands[point.victim]
  const worker = new Worker(new URL('./kill-watch.ts', import.meta.url), {
    workerData: {
      file, operation: point.operation, step: point.step, after, victim: command === undefined ? { pid } : { directory, command }, delayMilliseconds: point.moment === 'midway' ? usualMilliseconds / 2 : 0, withinMilliseconds: withinSeconds * 1000,
    } satisfies WatchOrder,
  })
  const fired = new Promise<void>((resolve, reject) => {
    worker.on('message', (message) => message === 'killed' ? resolve() : message === 'missed' && reject(new Error(`${point.operation} ${point.step} did not start within ${withinSeconds} s, or there was no ${point.victim}`)))
    worker.on('error', reject)
  })
  fired.catch(() => {})
  await new Promise<void>((resolve, reject) => worker.on('message', (message) => message === 'watching' && resolve()).on('error', reject))
  return { fired }
}

async function freezeAtEnd(file: string, pid: number, { operation, step }: KillPoint): Promise<void> {
  change(file, [
    'create view for_ever as with recursive counted(n) as (select 1 union all select n + 1 from counted where n < 100000000000) select count(*) as n from counted',
    `create trigger for_ever_at before update on operation_steps when new.status = 'done' and old.step = '${step}' and old.phase = 'run'
      and '${operation}' = (select kind from operations where id = new.operation_id) begin select n from for_ever; end`,
  ])
  try {
    let since: number | undefined
    for (const end = performance.now() + withinSeconds * 1000; performance.now() < end; await sleep(10)) {
      if (!holdsWriteLock(file, pid)) since = undefined
      else if (performance.now() - (since ??= performance.now()) > frozenMilliseconds) {
        process.kill(pid, 'SIGKILL')
        return
      }
    }
    throw new Error(`${operation} ${step} did not end within ${withinSeconds} s`)
  } finally {
    await gone(pid)
    change(file, ['drop trigger for_ever_at', 'drop view for_ever'])
  }
}

/** SQLite's writer holds byte 120 of the shared memory file; it is written to for at most some milliseconds otherwise. */
function holdsWriteLock(file: string, pid: number): boolean {
  const { ino } = statSync(`${file}-shm`)
  return readFileSync('/proc/locks', 'utf8').split('\n').some((line) => {
    const [, kind, , access, owner, place, from, to] = line.trim().split(/\s+/)
    return kind === 'POSIX' && access === 'WRITE' && owner === String(pid) && place?.endsWith(`:${ino}`) && Number(from) <= 120 && Number(to) >= 120
  })
}

function change(file: string, statements: readonly string[]): void {
  const database = new DatabaseSync(file, { timeout: 10_000 })
  for (const statement of statements) database.exec(statement)
  database.close()
}

export async function gone(pid: number): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end && existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));) await sleep(10)
}
