// A transport over the network: for services that run in another process.
import { request as httpRequest, Agent } from 'node:http'
import { request as httpsRequest, Agent as TlsAgent } from 'node:https'
import type { ApiReply, Transport } from '#core/http'

export function networkTransport(origin: string): Transport {
  const secure = origin.startsWith('https:')
  const agent = secure ? new TlsAgent({ keepAlive: true, maxSockets: 64 }) : new Agent({ keepAlive: true, maxSockets: 64 })
  const send = secure ? httpsRequest : httpRequest
  // A stream of events keeps its connection for long: it takes none of the agent's.
  return (request) =>
    new Promise<ApiReply>((resolve, reject) => {
      const url = origin + request.path + (request.query === '' ? '' : `?${request.query}`)
      const headers: Record<string, string> = {}
      for (const [key, value] of Object.entries(request.headers)) if (value !== undefined) headers[key] = value
      if (typeof request.body === 'string') headers['content-length'] = String(Buffer.byteLength(request.body))
      const outgoing = send(url, { method: request.method, headers, agent: headers['accept'] === 'text/event-stream' ? false : agent, ...(request.signal && { signal: request.signal }) }, (answer) => {
        const answered: Record<string, string> = {}
        for (const [key, value] of Object.entries(answer.headers)) if (value !== undefined) answered[key] = Array.isArray(value) ? value.join(', ') : value
        resolve({ status: answer.statusCode ?? 0, headers: answered, body: answer })
      })
      outgoing.on('error', reject)
      if (request.body === null || typeof request.body === 'string') outgoing.end(request.body ?? undefined)
      else request.body.on('error', reject).pipe(outgoing)
    })
}
