// One client's stream: its sign of life, its end when the token does, and no more patience than a minute for one that does not read.
import { Readable } from 'node:stream'
import type { Clock } from '#core/context'
import { type Sent, writeSent } from './sse.ts'

/** How often something is sent at least. */
export const quietSeconds = 15
/** So long a reader may leave what it was sent lying. */
const patienceSeconds = 60
/** Bytes that wait in this process for one reader; the rest waits in the log. */
const waitingBytes = 64 * 1024

/**
 * @param produce ends when its signal is aborted
 * @param ended told once, however it ends
 */
export function streamOf(produce: (signal: AbortSignal) => AsyncIterable<Sent>, { clock, ended }: { clock: Clock; ended: () => void }): Readable {
  const abort = new AbortController()
  async function* patiently(): AsyncGenerator<Buffer> {
    for await (const sent of produce(abort.signal)) {
      const timer = clock.after(patienceSeconds * 1000, () => body.destroy())
      yield Buffer.from(writeSent(sent))
      timer.cancel()
    }
  }
  const body = Readable.from(patiently(), { objectMode: false, highWaterMark: waitingBytes })
  body.once('close', () => {
    abort.abort()
    ended()
  })
  return body
}
