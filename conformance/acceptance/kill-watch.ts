// Looks at one journal as often as it can, and kills as soon as it sees what it waits for.
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { WatchOrder } from './kill-points.ts'

const { file, operation, step, after, pid, delayMilliseconds, withinMilliseconds } = workerData as WatchOrder
const database = new DatabaseSync(file, { readOnly: true, timeout: 1000 })
const started = database.prepare('select 1 from operation_steps s join operations o on o.id = s.operation_id where s.rowid > ? and s.step = ? and s.phase = \'run\' and o.kind = ?')
parentPort?.postMessage('watching')
let seen = false
for (const end = performance.now() + withinMilliseconds; !seen && performance.now() < end;) seen = started.get(after, step, operation) !== undefined
if (seen) {
  for (const end = performance.now() + delayMilliseconds; performance.now() < end;);
  process.kill(pid, 'SIGKILL')
}
database.close()
parentPort?.postMessage(seen ? 'killed' : 'missed')
