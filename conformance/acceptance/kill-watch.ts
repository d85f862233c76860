// Looks at one journal as often as it can, and kills as soon as it sees what it waits for.
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { processesOf } from './host-state.ts'
import type { WatchOrder } from './kill-points.ts'

const { file, operation, step, after, victim, delayMilliseconds, withinMilliseconds } = workerData as WatchOrder
const database = new DatabaseSync(file, { readOnly: true, timeout: 1000 })
const started = database.prepare('select 1 from operation_steps s join operations o on o.id = s.operation_id where s.rowid > ? and s.step = ? and s.phase = \'run\' and o.kind = ?')

/** Ask without a pause until it is so. */
function wait<T>(milliseconds: number, ask: () => T | undefined): T | undefined {
  for (const end = performance.now() + milliseconds; performance.now() < end;) {
    const answer = ask()
    if (answer !== undefined) return answer
  }
  return undefined
}

const findVictim = (): number | undefined => {
  if ('pid' in victim) return victim.pid
  const line = processesOf(victim.directory).find((each) => new RegExp(victim.command).test(each))
  return line === undefined ? undefined : Number(line.split(' ')[0])
}

const early = findVictim()
parentPort?.postMessage('watching')
const seen = wait(withinMilliseconds, () => started.get(after, step, operation))
if (seen) wait(delayMilliseconds, () => undefined)
const pid = seen && (early ?? wait(5000, findVictim))
if (pid !== undefined) process.kill(pid, 'SIGKILL')
database.close()
parentPort?.postMessage(pid === undefined ? 'missed' : 'killed')
