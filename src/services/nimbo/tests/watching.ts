// A client of the stream of events, for tests.
import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { networkTransport } from '#core/client'
import { type EventView, readSent } from '#core/events'
import type { ServiceName } from '#core/service'
import type { TestCloud } from '../../../app/testing/index.ts'

export interface Watch {
  readonly events: (EventView & { readonly cursor: string })[]
  readonly others: string[]
  readonly ended: Promise<void>
  cursor: string
  /** Wait until an event fits. */
  until(fits: (event: EventView) => boolean): Promise<void>
  close(): Promise<void>
}

/** Follow a stream, over a socket where the cloud has them; resolves once it has begun. */
export async function watch(cloud: TestCloud, token: string, query = '', { service = 'nimbo', headers = {} }: { service?: ServiceName; headers?: Record<string, string> } = {}): Promise<Watch> {
  const abort = new AbortController()
  const port = cloud.ports[service]
  const transport = port === undefined ? cloud.services[service].transport : networkTransport(`http://127.0.0.1:${port}`)
  const reply = await transport({
    method: 'GET', path: '/v1/events', query, body: null, origin: 'http://127.0.0.1', signal: abort.signal, headers: { 'x-auth-token': token, accept: 'text/event-stream', ...headers },
  })
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['content-type'], 'text/event-stream')
  const body = reply.body as Readable
  const begun = Promise.withResolvers<void>()
  const waiting = new Set<() => void>()
  const watching: Watch = {
    events: [], others: [], cursor: '', ended: Promise.resolve(),
    async until(fits) {
      const deadline = AbortSignal.timeout(20_000)
      for (let from = 0; ; ) {
        const found = watching.events.slice(from).some(fits)
        if (found) return
        from = watching.events.length
        await new Promise<void>((resolve, reject) => {
          waiting.add(resolve)
          deadline.addEventListener('abort', () => reject(new Error(`it was not told; told was ${watching.events.map((event) => event.type).join(' ')}`)), { once: true })
        })
      }
    },
    async close() {
      abort.abort()
      body.destroy()
      await watching.ended
    },
  }
  const ended = (async () => {
    try {
      for await (const sent of readSent(body)) {
        if (sent.id !== undefined) watching.cursor = sent.id
        if (sent.data !== undefined && sent.id !== undefined && sent.event !== 'reset') watching.events.push({ ...(JSON.parse(sent.data) as EventView), cursor: sent.id })
        else if (sent.event !== undefined) watching.others.push(sent.event)
        begun.resolve()
        for (const wake of waiting) wake()
        waiting.clear()
      }
    } catch (error) {
      if (!abort.signal.aborted && (error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE' && (error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
    } finally {
      begun.resolve()
    }
  })()
  Object.assign(watching, { ended })
  await Promise.race([begun.promise, sleep(10_000).then(() => assert.fail('the stream did not begin'))])
  return watching
}
