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

/** A loop, since an expression would begin anew at each slash of a long row. */
export function withoutTrailingSlashes(path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end--
  return path.slice(0, end)
}

/** Any way to reach an API: its pipeline in this process, or a socket. */
export type Transport = (request: ApiRequest) => Promise<ApiReply>

/**
 * So much more than the limit is still read, and dropped: a client that is cut off while it sends sees a broken
 * connection and never the answer that says why.
 */
const patienceBytes = 16 * 1024 * 1024

/** @returns undefined when it is longer than the limit */
export async function readText(body: ApiRequest['body'] | ApiReply['body'], limitBytes: number): Promise<string | undefined> {
  if (typeof body === 'string') return body.length > limitBytes ? undefined : body
  return (await readBytes(body, limitBytes))?.toString('utf8')
}

/** @returns undefined when it is longer than the limit */
export async function readBytes(body: Exclude<ApiReply['body'], string>, limitBytes: number): Promise<Buffer | undefined> {
  if (body === null) return Buffer.alloc(0)
  if (Buffer.isBuffer(body)) return body.length > limitBytes ? undefined : body
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer)
    size += bytes.length
    if (size <= limitBytes) chunks.push(bytes)
    else if (size > limitBytes + patienceBytes) {
      body.destroy()
      return undefined
    }
  }
  return size > limitBytes ? undefined : Buffer.concat(chunks)
}

export function bytesOf(body: ApiRequest['body']): Readable {
  if (body === null) return Readable.from([])
  return typeof body === 'string' ? Readable.from([Buffer.from(body)]) : body
}
