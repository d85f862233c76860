// HTTP between simulated parts: requests and answers travel as messages do, and a server that dies breaks its connections.
import type { ApiReply, ApiRequest, Transport } from '#core/http'
import type { ServiceName } from '#core/service'
import type { Incarnation } from './incarnation.ts'
import type { Links } from './links.ts'
import type { World } from './world.ts'

/** Who answers for a service now. */
export interface Server {
  readonly incarnation: Incarnation
  readonly transport: Transport
}

/** Methods that may be repeated by what lies between, and creates that carry a key for it (RFC 9110, 9.2.2). */
const repeatable = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

export class SimulatedNetwork {
  readonly #world: World
  readonly #links: Links
  readonly #serverOf: (service: ServiceName) => Server | undefined

  constructor(world: World, links: Links, serverOf: (service: ServiceName) => Server | undefined) {
    this.#world = world
    this.#links = links
    this.#serverOf = serverOf
  }

  /** How a role reaches a service. */
  fromRole(incarnation: Incarnation, service: ServiceName): Transport {
    return async (request) => {
      await incarnation.pass(`request ${service} ${request.method}`)
      return incarnation.guard(this.#exchange(incarnation.role, service, request))
    }
  }

  /** How somebody outside of the cloud reaches it. @param repeated told when what lies between will bring the request a second time */
  fromOutside(client: string, service: ServiceName, repeated: () => void): Transport {
    return (request) => this.#exchange(client, service, request, repeated)
  }

  #exchange(from: string, service: ServiceName, request: ApiRequest, repeated: () => void = () => undefined): Promise<ApiReply> {
    const { delayMs, backMs, lost, againAfterMs } = this.#links.next(from, service)
    const proxy = this.#links.proxy(from, service)
    const label = `${from} to ${service}: ${request.method} ${request.path}`
    return new Promise<ApiReply>((resolve, reject) => {
      const fail = (afterMs: number, message: string) => void this.#world.schedule(afterMs, `failed ${label}`, () => reject(connectionError(message)))
      const deliver = (again: boolean) => {
        const server = this.#serverOf(service)
        if (!server) return again ? undefined : fail(backMs, 'ECONNREFUSED')
        // From the start: one that is held up may die before it sees the request.
        const forget = server.incarnation.atEnd(() => fail(backMs, 'ECONNRESET'))
        server.incarnation.receive(() => {
          void server.incarnation.guard(server.transport(request)).then((reply) => {
            forget()
            this.#world.note(`http ${label}${again ? ', again' : ''}: ${reply.status}`)
            if (lost === 'answer') fail(backMs, 'ECONNRESET')
            else if (proxy !== undefined) this.#world.schedule(backMs, `proxy ${label}`, () => instead(proxy))
            else this.#world.schedule(backMs, `answer ${label}`, () => resolve(reply))
          }, (error: unknown) => {
            forget()
            this.#world.schedule(backMs, `answer ${label}`, () => reject(error))
          })
        })
      }
      request.signal?.addEventListener('abort', () => reject(request.signal?.reason), { once: true })
      const instead = (status: 503 | 504) => {
        this.#world.note(`a proxy answers ${status} to ${label}`)
        resolve(proxyReply(status))
      }
      if (proxy === 503) this.#world.schedule(delayMs, `proxy ${label}`, () => instead(proxy))
      else if (lost === 'request') fail(delayMs + backMs, 'ECONNRESET')
      else this.#world.schedule(delayMs, label, () => deliver(false))
      const mayRepeat = typeof request.body !== 'object' || request.body === null
      if (againAfterMs !== undefined && proxy !== 503 && mayRepeat && (repeatable.has(request.method) || request.headers['idempotency-key'] !== undefined)) {
        repeated()
        this.#world.schedule(delayMs + againAfterMs, label, () => deliver(true))
      }
    })
  }
}

/** In words of its own, as nginx has them: no fault of any service. */
function proxyReply(status: 503 | 504): ApiReply {
  const title = status === 503 ? '503 Service Temporarily Unavailable' : '504 Gateway Time-out'
  return { status, headers: { 'content-type': 'text/html' }, body: `<html><head><title>${title}</title></head><body><center><h1>${title}</h1></center></body></html>` }
}

function connectionError(code: string): Error {
  return Object.assign(new Error(`the connection failed: ${code}`), { code })
}
