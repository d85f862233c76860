// Puts a pipeline behind a socket.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ApiReply, ApiRequest, Transport } from './message.ts'

export interface Listening {
  readonly port: number
  close(): Promise<void>
}

export type SocketOptions =
  | {
      readonly host: string
      /** 0 takes any free port. */
      readonly port: number
    }
  /** A unix socket. */
  | { readonly path: string }

/** Longer than clients and proxies keep a connection that is not used, so that it is they who close it. */
const keepAliveMs = 75_000

/** @throws the system's error (EADDRINUSE …) when the address cannot be had */
export async function listen(transport: Transport, options: SocketOptions): Promise<Listening> {
  // An upload may take as long as it takes.
  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 }, (request, response) => void answer(transport, options, request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...options, backlog: 1024 }, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}

async function answer(transport: Transport, options: SocketOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let reply: ApiReply
  try {
    reply = await transport(toApiRequest(request, options))
  } catch (error) {
    reply = { status: 500, headers: { 'content-type': 'text/plain' }, body: `The request could not be handled: ${(error as Error).message}\n` }
  }
  try {
    await send(reply, request, response)
  } catch {
    // Half an answer must not look like a whole one; a client that went away does not see the difference.
    response.destroy()
  }
}

async function send({ status, headers, body }: ApiReply, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (body instanceof Readable) return pipeline(body, response)
  if (body !== null && !response.hasHeader('content-length')) response.setHeader('content-length', Buffer.byteLength(body))
  response.end(request.method === 'HEAD' ? undefined : body)
}

function toApiRequest(raw: IncomingMessage, options: SocketOptions): ApiRequest {
  const url = raw.url ?? '/'
  const mark = url.indexOf('?')
  const hasBody = (raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined) && raw.headers['content-length'] !== '0'
  return {
    method: raw.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers: raw.headers as ApiRequest['headers'],
    body: hasBody ? raw : null,
    origin: `http://${raw.headers.host ?? ('port' in options ? `${options.host}:${options.port}` : 'localhost')}`,
  }
}
