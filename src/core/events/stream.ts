// One client's stream: its sign of life, its end when the token does, and no more patience than a minute for one that does not read.
import { Readable } from 'node:stream'
import type { Clock, Timer } from '#core/context'
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
  let source: AsyncIterator<Sent> | undefined
  let filling = false
  /** More was asked for since the last was pushed. */
  let wanted = false
  let impatience: Timer | undefined

  async function fill(): Promise<void> {
    source ??= produce(abort.signal)[Symbol.asyncIterator]()
    for (;;) {
      const { value, done } = await source.next()
      if (abort.signal.aborted) return
      if (done) return void body.push(null)
      wanted = false
      if (!body.push(writeSent(value)) && !wanted) {
        filling = false
        impatience = clock.after(patienceSeconds * 1000, () => body.destroy())
        return
      }
    }
  }

  // Not made from a generator: one that waits for the next event could not be ended before it comes.
  const body = new Readable({
    highWaterMark: waitingBytes,
    read() {
      impatience?.cancel()
      wanted = true
      if (filling) return
      filling = true
      fill().catch((error: unknown) => body.destroy(error as Error))
    },
    destroy(error, done) {
      impatience?.cancel()
      abort.abort()
      ended()
      done(error)
    },
  })
  return body
}
