// MD5 and SHA-512 of a stream, each on a thread of its own, so that hashing neither stops the event loop nor waits for
// the other. The threads start with the first large upload and end when there has been none for a while.
import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { Capabilities, Timer } from '#core/context'
import { UploadCutOff } from '../model/errors.ts'
import { hashAlgorithm } from '../model/images.ts'
import { type HashAnswer, hashBlocks, type HashTask } from './hash-thread.ts'

export interface Digest {
  readonly checksum: string
  readonly hashValue: string
}

/** The digests of one stream. Blocks are hashed in the order of the calls. */
export interface DigestStream {
  /** Resolves when the block may be used again. */
  take(block: SharedArrayBuffer, length: number): Promise<unknown>
  finish(): Promise<Digest>
  abandon(): void
}

export interface Digests {
  open(): DigestStream
  /** Of something small, at once. */
  of(bytes: Uint8Array): Digest
  stop(): Promise<void>
}

const idleMs = 20_000

/** A text, since by the time a thread starts the process may no longer see the program's folder. */
const threadProgram = new URL(`data:text/javascript,${encodeURIComponent(`
import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
${hashBlocks.toString()}
hashBlocks(parentPort, createHash)
`)}`)

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, { resolve(digest: string | undefined): void; reject(error: unknown): void }>
  gone: boolean
}

const interrupted = () => new UploadCutOff('The service stopped while it received the data; send it again.')

export function createDigests({ clock, log }: Pick<Capabilities, 'clock' | 'log'>): Digests {
  const algorithms = ['md5', hashAlgorithm] as const
  let threads: readonly Thread[] | undefined
  let open = 0
  let counter = 0
  let idle: Timer | undefined

  function start(): Thread {
    const worker = new Worker(threadProgram, { resourceLimits: { maxOldGenerationSizeMb: 16 } })
    worker.unref()
    const waiting: Thread['waiting'] = new Map()
    worker.on('message', ({ task, digest }: HashAnswer) => {
      waiting.get(task)?.resolve(digest)
      waiting.delete(task)
    })
    worker.on('error', (error) => log.error({ err: error }, 'a hashing thread failed'))
    const thread: Thread = { worker, waiting, gone: false }
    worker.on('exit', () => {
      thread.gone = true
      if (threads?.includes(thread)) void end()
      for (const each of waiting.values()) each.reject(interrupted())
      waiting.clear()
    })
    return thread
  }

  const ask = (thread: Thread, task: Omit<HashTask, 'task'>) =>
    new Promise<string | undefined>((resolve, reject) => {
      if (thread.gone) return reject(interrupted())
      const number = ++counter
      thread.waiting.set(number, { resolve, reject })
      thread.worker.postMessage({ task: number, ...task } satisfies HashTask)
    })

  async function end(): Promise<void> {
    const ending = threads ?? []
    threads = undefined
    for (const { worker } of ending) await worker.terminate()
  }

  function closed(): void {
    if (--open > 0) return
    idle?.cancel()
    idle = clock.after(idleMs, () => {
      if (open === 0) void end()
    })
  }

  return {
    open() {
      open++
      idle?.cancel()
      const pair = (threads ??= algorithms.map(() => start()))
      const stream = ++counter
      const all = (task: Pick<HashTask, 'block' | 'length' | 'abandon'>) => Promise.all(pair.map((thread, index) => ask(thread, { stream, algorithm: algorithms[index] ?? 'md5', ...task })))
      return {
        take: (block, length) => all({ block, length }),
        async finish() {
          try {
            const [checksum, hashValue] = await all({})
            if (checksum === undefined || hashValue === undefined) throw new Error('a hashing thread gave no digest')
            return { checksum, hashValue }
          } finally {
            closed()
          }
        },
        abandon() {
          if (threads === pair) all({ abandon: true }).catch((error: unknown) => log.warn({ err: error }, 'a hashing thread is gone'))
          closed()
        },
      }
    },
    of: (bytes) => ({ checksum: createHash('md5').update(bytes).digest('hex'), hashValue: createHash(hashAlgorithm).update(bytes).digest('hex') }),
    async stop() {
      idle?.cancel()
      await end()
    },
  }
}
