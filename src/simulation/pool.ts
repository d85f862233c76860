// Plays many histories on several threads.
import { Worker } from 'node:worker_threads'
import type { Played, Task } from './worker.ts'

export interface PoolOptions {
  readonly threads: number
  readonly tasks: Iterable<Task>
  /** Told of each in the order in which they end. @returns true to stop */
  readonly played: (played: Played) => boolean
}

/** Longer than the longest history takes, by far. */
const patienceMs = 300_000

/** What waits in a dead incarnation is never over and stays in memory: a thread that played this many makes way for another one. */
const historiesOfAThread = 40

/** @throws Error when a thread fails, or hangs in a history */
export async function playAll({ threads, tasks, played }: PoolOptions): Promise<void> {
  const left = tasks[Symbol.iterator]()
  let stopped = false
  /** @returns whether there is more to play */
  const thread = () => new Promise<boolean>((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url))
    let count = 0
    let more = true
    let patience: NodeJS.Timeout | undefined
    const next = () => {
      clearTimeout(patience)
      if (count++ === historiesOfAThread) return worker.postMessage('end')
      const { value, done } = stopped ? { value: undefined, done: true } : left.next()
      if (done || value === undefined) {
        more = false
        return worker.postMessage('end')
      }
      patience = setTimeout(() => {
        reject(new Error(`a history does not end: ${JSON.stringify(value)}`))
        void worker.terminate()
      }, patienceMs)
      worker.postMessage(value)
    }
    worker.on('message', (message: Played | 'ready') => {
      if (message !== 'ready' && played(message)) stopped = true
      next()
    })
    worker.on('error', reject)
    worker.on('exit', () => {
      clearTimeout(patience)
      resolve(more)
    })
  })
  const one = async () => {
    while (await thread());
  }
  await Promise.all(Array.from({ length: threads }, one))
}
