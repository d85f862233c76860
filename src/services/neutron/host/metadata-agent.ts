// The metadata agent: it listens where guests ask for metadata, learns from the server whose address asks, and puts the
// question to nova with a signature that no guest can make.
import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { networkTransport } from '#core/client'
import { readText } from '#core/http'
import { turns } from '#core/process'
import type { Role, Runtime } from '#core/service'
import { metadataAgentRpc } from '../contract/agent-rpc.ts'
import { type AgentHost, agentHost, forEach, reporting, serveAgent, untilDone } from './agent.ts'

type Owner = { readonly networkId: string } | { readonly routerId: string }

interface Listening {
  readonly server: Server
  readonly http: HttpServer
}

const largestAnswer = 16 * 1024 * 1024
const longestWaitMs = 30_000
/** What a guest may send; metadata is read, but the password service takes one small post. */
const largestQuestion = 4096
const forwarded = new Set(['GET', 'HEAD', 'POST'])

export async function startMetadataAgent(runtime: Runtime): Promise<Role> {
  const host = await agentHost(runtime, 'metadata')
  const listening = new Map<string, Listening>()
  /** Two changes of a router in quick succession must not both open its socket. */
  const inTurn = turns()
  const stop = new AbortController()

  const sync = (owner: Owner, present: boolean): Promise<void> => inTurn(JSON.stringify(owner), () => adjust(owner, present))

  async function adjust(owner: Owner, present: boolean): Promise<void> {
    const key = JSON.stringify(owner)
    const there = listening.get(key)
    if (present && !there?.server.listening) {
      const server = await host.driver.listenMetadata(host.call(host.ctx), owner)
      const http = createServer((request, response) => void answer(host, owner, request, response))
      http.requestTimeout = longestWaitMs
      server.on('connection', (socket: Socket) => http.emit('connection', socket))
      listening.set(key, { server, http })
    } else if (!present && there) {
      listening.delete(key)
      // It may be listened to again at once.
      const closed = new Promise<void>((resolve) => there.server.once('close', () => resolve()))
      there.server.close()
      there.http.closeAllConnections()
      await closed
    }
  }

  const served = serveAgent(host, metadataAgentRpc, {
    async sync(_ctx, { networkId, routerId, present }) {
      if (networkId !== undefined) await sync({ networkId }, present)
      else if (routerId !== undefined) await sync({ routerId }, present)
      return {}
    },
  })
  const reports = reporting(host, 'metadata', { nova_metadata_host: host.config.nova_metadata_url, metadata_proxy_socket: '' }, () => listening.size)
  await reports.now()
  // What DHCP and routers are there already is listened to at once. Nobody waits for it: guests ask again.
  const listened = untilDone(host, 'listening for questions for metadata', stop.signal, async () => {
    await Promise.all([host.settled.get('dhcp'), host.settled.get('l3')])
    const { networkIds } = await host.server.any().dhcpState(host.ctx, { host: runtime.host })
    const { routerIds } = await host.server.any().routerState(host.ctx, { host: runtime.host })
    const there = await host.driver.served(host.call(host.ctx))
    const owners = [
      ...networkIds.filter((networkId) => there.dhcp.some((dhcp) => dhcp.networkId === networkId)).map((networkId) => ({ networkId })),
      ...routerIds.filter((routerId) => there.routers.includes(routerId)).map((routerId) => ({ routerId })),
    ]
    await forEach<Owner>(owners, (owner) => sync(owner, true))
  })
  return {
    async stop() {
      stop.abort()
      await listened
      await reports.stop()
      served.close()
      for (const { server, http } of listening.values()) {
        server.close()
        http.closeAllConnections()
      }
    },
  }
}

async function answer(host: AgentHost, owner: Owner, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { status, headers, text } = await ask(host, owner, request)
    response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : text)
  } catch (error) {
    host.runtime.log.warn({ err: error, ...owner }, 'a question for metadata could not be answered')
    response.writeHead(503, { 'content-type': 'text/plain' }).end('Metadata cannot be had now; try again.\n')
  }
}

async function ask(host: AgentHost, owner: Owner, request: IncomingMessage): Promise<{ status: number; headers: Record<string, string>; text: string }> {
  const { config, runtime, server, ctx } = host
  const refuse = (status: number, text: string) => ({ status, headers: { 'content-type': 'text/plain' }, text: `${text}\n` })
  const method = request.method ?? 'GET'
  if (!forwarded.has(method)) return refuse(405, 'This is not for asking so.')
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/i, '')
  const { deviceId, projectId } = await server.any().metadataPort(ctx, { ...owner, address })
  if (deviceId === undefined || projectId === undefined) return refuse(404, 'No server has this address.')
  const question = method === 'POST' ? await readText(request, largestQuestion) : ''
  if (question === undefined) return refuse(413, 'That is too much.')
  const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s)
  const reply = await networkTransport(config.nova_metadata_url)({
    method, path, query, origin: config.nova_metadata_url, body: method === 'POST' ? question : null, signal: AbortSignal.timeout(longestWaitMs),
    // Nothing that the guest sent goes along: these headers decide whose metadata it is.
    headers: signedHeaders(config.metadata_proxy_shared_secret, deviceId, projectId, address),
  })
  const text = await readText(reply.body, largestAnswer)
  if (text === undefined) return refuse(502, 'The answer is too long.')
  runtime.log.debug({ server: deviceId, path, status: reply.status }, 'metadata')
  return { status: reply.status, headers: { 'content-type': reply.headers['content-type'] ?? 'text/plain' }, text }
}

/** As upstream (neutron/agent/metadata/agent.py): nova believes these headers for the signature of the server's id. */
export function signedHeaders(secret: string, serverId: string, projectId: string, address: string): Record<string, string> {
  return {
    'x-forwarded-for': address, 'x-instance-id': serverId, 'x-tenant-id': projectId,
    'x-instance-id-signature': createHmac('sha256', secret).update(serverId).digest('hex'),
  }
}
