// A request and a reply as plain values: what the pipeline works on, with or without a socket.
import { Readable } from 'node:stream'

export interface ApiRequest {
  readonly method: string
  /** Path without query, percent-encoded as it came. */
  readonly path: string
  /** What follows the question mark. */
  readonly query: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Small bodies as text, others as a stream; null when there is none. */
  readonly body: string | Readable | null
  /** Scheme and authority under which the client reached us, for links. */
  readonly origin: string
  /** Aborted when the client went away. */
  readonly signal?: AbortSignal
}

export interface ApiReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer | Readable | null
}

/** Any way to reach an API: its pipeline in this process, or a socket. */
export type Transport = (request: ApiRequest) => Promise<ApiReply>

export async function readText(body: ApiRequest['body'] | ApiReply['body'], limitBytes: number): Promise<string | undefined> {
  if (body === null) return ''
  if (typeof body === 'string') return body.length > limitBytes ? undefined : body
  if (Buffer.isBuffer(body)) return body.length > limitBytes ? undefined : body.toString('utf8')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer)
    size += bytes.length
    if (size > limitBytes) {
      body.destroy()
      return undefined
    }
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function bytesOf(body: ApiRequest['body']): Readable {
  if (body === null) return Readable.from([])
  return typeof body === 'string' ? Readable.from([Buffer.from(body)]) : body
}
