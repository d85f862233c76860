// Puts a pipeline behind a TCP socket. The only place that knows Fastify.
import type { IncomingMessage } from 'node:http'
import { fastify } from 'fastify'
import type { ApiRequest, Transport } from './message.ts'

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

/** @throws the system's error (EADDRINUSE …) when the address cannot be had */
export async function listen(transport: Transport, options: SocketOptions): Promise<Listening> {
  const app = fastify({ logger: false, exposeHeadRoutes: false, keepAliveTimeout: 75_000, requestTimeout: 0, forceCloseConnections: true, routerOptions: { maxParamLength: 4096 } })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '*',
    async handler(request, reply) {
      const answer = await transport(toApiRequest(request.raw, request.body as IncomingMessage | undefined, options))
      reply.code(answer.status).headers(answer.headers)
      return reply.send(answer.body ?? undefined)
    },
  })
  app.setErrorHandler(async (error, _request, reply) => reply.code(500).type('text/plain').send(`The request could not be handled: ${(error as Error).message}\n`))
  await app.listen({ ...options, backlog: 1024 })
  const address = app.server.address()
  return { port: typeof address === 'object' && address ? address.port : 0, close: () => app.close() }
}

function toApiRequest(raw: IncomingMessage, body: IncomingMessage | undefined, options: SocketOptions): ApiRequest {
  const url = raw.url ?? '/'
  const mark = url.indexOf('?')
  const hasBody = body !== undefined && (raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined) && raw.headers['content-length'] !== '0'
  return {
    method: raw.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers: raw.headers as ApiRequest['headers'],
    body: hasBody ? body : null,
    origin: `http://${raw.headers.host ?? ('port' in options ? `${options.host}:${options.port}` : 'localhost')}`,
  }
}
