// A thread that hashes: blocks of shared memory come in order, an answer goes back for each.
import { createHash, type Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { HashAnswer, HashTask } from './digests.ts'

const hashes = new Map<number, Hash>()

parentPort?.on('message', (task: HashTask) => {
  let hash = hashes.get(task.stream)
  if (!hash) hashes.set(task.stream, (hash = createHash(task.algorithm)))
  let digest: string | undefined
  if (task.block) hash.update(new Uint8Array(task.block, 0, task.length))
  else {
    hashes.delete(task.stream)
    if (!task.abandon) digest = hash.digest('hex')
  }
  parentPort?.postMessage({ task: task.task, ...(digest !== undefined && { digest }) } satisfies HashAnswer)
})
