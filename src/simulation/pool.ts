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

/** @throws Error when a thread fails, or hangs in a history */
export async function playAll({ threads, tasks, played }: PoolOptions): Promise<void> {
  const left = tasks[Symbol.iterator]()
  let stopped = false
  const one = () => new Promise<void>((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url))
    let current: Task | undefined
    let patience: NodeJS.Timeout | undefined
    const next = () => {
      clearTimeout(patience)
      const { value, done } = stopped ? { value: undefined, done: true } : left.next()
      if (done || value === undefined) return worker.postMessage('end')
      current = value
      patience = setTimeout(() => {
        reject(new Error(`a history does not end: ${JSON.stringify(current)}`))
        void worker.terminate()
      }, patienceMs)
      worker.postMessage(current)
    }
    worker.on('message', (message: Played | 'ready') => {
      if (message !== 'ready' && played(message)) stopped = true
      next()
    })
    worker.on('error', reject)
    worker.on('exit', () => {
      clearTimeout(patience)
      resolve()
    })
  })
  await Promise.all(Array.from({ length: threads }, one))
}
