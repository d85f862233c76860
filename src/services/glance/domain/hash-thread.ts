// What a hashing thread does: blocks of shared memory come in order, an answer goes back for each.
import type { createHash as CreateHash, Hash } from 'node:crypto'
import type { MessagePort } from 'node:worker_threads'

export interface HashTask {
  readonly task: number
  readonly stream: number
  readonly algorithm: string
  /** Absent at the end of the stream. */
  readonly block?: SharedArrayBuffer
  readonly length?: number
  /** The end came too early: no digest is wanted. */
  readonly abandon?: true
}

export interface HashAnswer {
  readonly task: number
  readonly digest?: string
}

/** The thread gets it as a text: it knows nothing but its arguments. */
export function hashBlocks(port: MessagePort, createHash: typeof CreateHash): void {
  const hashes = new Map<number, Hash>()
  port.on('message', (task: HashTask) => {
    let hash = hashes.get(task.stream)
    if (!hash) hashes.set(task.stream, (hash = createHash(task.algorithm)))
    let digest: string | undefined
    if (task.block) hash.update(new Uint8Array(task.block, 0, task.length))
    else {
      hashes.delete(task.stream)
      if (!task.abandon) digest = hash.digest('hex')
    }
    port.postMessage({ task: task.task, ...(digest !== undefined && { digest }) } satisfies HashAnswer)
  })
}
