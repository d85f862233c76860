// Puts a pipeline behind a socket.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { errorClass } from '#core/errors'
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

export interface SocketPatience {
  /** Longer than clients and proxies keep a connection that is not used, so that it is they who close it. */
  readonly keepAliveMs: number
  /** For all headers of a request. */
  readonly headersMs: number
  /** So long may pass without a byte while a body is sent or an answer is read: upstream's `client_socket_timeout`. */
  readonly silenceMs: number
}

const patience: SocketPatience = { keepAliveMs: 75_000, headersMs: 60_000, silenceMs: 900_000 }

/** @throws the system's error (EADDRINUSE …) when the address cannot be had */
export async function listen(transport: Transport, options: SocketOptions, { keepAliveMs, headersMs, silenceMs }: SocketPatience = patience): Promise<Listening> {
  const current = new WeakMap<Socket, { readonly request: IncomingMessage; readonly response: ServerResponse }>()
  // An upload may take as long as it takes, while it goes on. Without an end for the whole request Node gives none to its headers either, unless told.
  const limits = { keepAliveTimeout: keepAliveMs, requestTimeout: 0, headersTimeout: headersMs, connectionsCheckingInterval: Math.min(headersMs, 30_000) }
  const server = createServer(limits, (request, response) => {
    current.set(request.socket, { request, response })
    void answer(transport, options, request, response)
  })
  server.setTimeout(silenceMs, (socket) => {
    const exchange = current.get(socket)
    // It is we who keep the client waiting.
    if (exchange?.request.complete && !exchange.response.headersSent) return
    socket.destroy()
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || error.code === 'ECONNRESET' || current.get(socket)?.response.headersSent) socket.destroy()
    else socket.end(whyUnread(error.code))
  })
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
  const asked = toApiRequest(request, options)
  try {
    reply = await transport(asked)
  } catch {
    // A pipeline answers its own errors; what reaches us here is not for clients to read.
    reply = { status: 500, headers: { 'content-type': 'text/plain' }, body: 'The request could not be handled.\n' }
  }
  // Nobody reads it any more; one that is left lying half read would hold back the rest.
  if (asked.body instanceof Readable) asked.body.destroy()
  try {
    await send(reply, request, response)
  } catch {
    // Half an answer must not look like a whole one; a client that went away does not see the difference.
    response.destroy()
  }
}

/** What cannot be read as a request never comes to a pipeline; who sent it is told all the same why nothing came of it. */
function whyUnread(code: string | undefined): string {
  const [status, title, message] = code === 'HPE_HEADER_OVERFLOW' ? [431, 'Request Header Fields Too Large', 'The address and the headers of a request may have 16 KB together.']
    : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? [408, 'Request Timeout', 'The headers of the request did not come in time.']
      : [400, 'Bad Request', 'This is not a request that HTTP/1.1 knows. TLS is not spoken here: the address begins with http.']
  const body = JSON.stringify({ error: { code: status, title, message } })
  return `HTTP/1.1 ${status} ${title}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

const lingerMs = 30_000

/** Many clients read no answer before they have sent all of their body, and hear of a broken connection instead of it when we close before that. */
async function listenToTheEnd(request: IncomingMessage): Promise<void> {
  await new Promise<void>((resolve) => {
    const enough = setTimeout(resolve, lingerMs).unref()
    request.once('end', resolve).once('close', resolve).once('error', resolve).resume()
    request.once('close', () => clearTimeout(enough))
  })
}

async function send({ status, headers, body }: ApiReply, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (body instanceof Readable) return pipeline(body, response)
  if (body !== null && !response.hasHeader('content-length')) response.setHeader('content-length', Buffer.byteLength(body))
  const shown = request.method === 'HEAD' ? null : body
  if (!request.complete && !request.destroyed) {
    response.flushHeaders()
    if (shown !== null) response.write(shown)
    await listenToTheEnd(request)
    response.end()
    // Of one that has not come to its end by now nothing more is wanted.
    if (!request.complete) request.destroy()
  } else response.end(shown)
}

/** Nothing of ours failed: nobody needs to be told but by the line of the request. */
const ClientGone = errorClass('ClientGone', 400, 'client_gone')

/** Whoever stops reading it, for an error of his own, does not break the connection by that. */
function bodyOf(raw: IncomingMessage): Readable {
  let begun = false
  const take = (chunk: Buffer) => {
    if (!body.push(chunk)) raw.pause()
  }
  const end = () => {
    raw.off('close', broken)
    body.push(null)
  }
  const broken = (error?: Error) => body.destroy(new ClientGone('The client went away.', {}, error))
  const body = new Readable({
    read() {
      if (!begun) raw.on('data', take).on('end', end).on('error', broken).on('close', broken)
      begun = true
      raw.resume()
    },
    destroy(error, done) {
      // The rest is read and dropped, whether the answer is on its way already or not.
      raw.off('data', take).off('end', end).off('close', broken).resume()
      done(error)
    },
  })
  return body
}

function toApiRequest(raw: IncomingMessage, options: SocketOptions): ApiRequest {
  // The absolute form, as clients send it to proxies, means the same (RFC 9112, 3.2.2).
  const url = raw.url?.replace(/^https?:\/\/[^/?]*(?=[/?]|$)/i, '') ?? '/'
  const mark = url.indexOf('?')
  const hasBody = (raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined) && raw.headers['content-length'] !== '0'
  return {
    method: raw.method ?? 'GET',
    path: (mark < 0 ? url : url.slice(0, mark)) || '/',
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers: raw.headers as ApiRequest['headers'],
    body: hasBody ? bodyOf(raw) : null,
    origin: `http://${raw.headers.host ?? ('port' in options ? `${options.host}:${options.port}` : 'localhost')}`,
  }
}
