// A session with the cloud's APIs, as any client has one: log in, find endpoints in the catalog, send JSON.
import { networkTransport, type ServiceTarget } from '#core/client'
import { readText, type Transport } from '#core/http'
import type { ServiceName } from '#core/service'
import { publicUrl, type Settings } from './settings.ts'

export interface Session {
  readonly projectId: string
  readonly userId: string
  /** JSON in, JSON out. @throws RestError for a status of 400 and above, unless it is among `accept` */
  send(service: ServiceName, method: string, path: string, body?: unknown, options?: SendOptions): Promise<any>
  transport(service: ServiceName): { readonly transport: Transport; readonly origin: string; readonly token: string }
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Statuses that answer `undefined` instead of an error. */
  readonly accept?: readonly number[]
}

export class RestError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface Person {
  readonly user: string
  readonly password: string
  readonly project: string
}

export type Reach = (service: ServiceName) => { readonly transport: Transport; readonly origin: string }

/** Through the pipelines of this process. */
export function reachInside(services: Readonly<Record<ServiceName, ServiceTarget>>): Reach {
  return (service) => services[service]
}

/** Through the sockets of a cloud that runs elsewhere. */
export function reachOutside(settings: Settings): Reach {
  const transports = new Map<ServiceName, { transport: Transport; origin: string }>()
  return (service) => {
    let reached = transports.get(service)
    if (!reached) {
      const origin = publicUrl(settings, service)
      transports.set(service, (reached = { transport: networkTransport(origin), origin }))
    }
    return reached
  }
}

export async function logIn(reach: Reach, person: Person): Promise<Session> {
  const keystone = reach('keystone')
  const reply = await keystone.transport({
    method: 'POST', path: '/v3/auth/tokens', query: '', origin: keystone.origin, headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { name: person.user, domain: { id: 'default' }, password: person.password } } },
        scope: { project: { name: person.project, domain: { id: 'default' } } },
      },
    }),
  })
  const text = (await readText(reply.body, 1024 * 1024)) ?? ''
  const token = reply.headers['X-Subject-Token'] ?? reply.headers['x-subject-token']
  if (reply.status !== 201 || token === undefined) throw new RestError(reply.status, `${person.user} cannot log in: ${text}`)
  const { token: { project, user } } = JSON.parse(text) as { token: { project: { id: string }; user: { id: string } } }
  return {
    projectId: project.id, userId: user.id,
    transport: (service) => ({ ...reach(service), token }),
    async send(service, method, path, body, { headers = {}, accept = [] } = {}) {
      const { transport, origin } = reach(service)
      const [pathname, query = ''] = path.split(/\?(.*)/s)
      const answer = await transport({
        method, path: pathname ?? '', query, origin, body: body === undefined ? null : JSON.stringify(body),
        headers: { accept: 'application/json', 'x-auth-token': token, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      })
      const answered = (await readText(answer.body, 64 * 1024 * 1024)) ?? ''
      if (accept.includes(answer.status)) return undefined
      if (answer.status >= 400) throw new RestError(answer.status, `${method} ${service}${path} answered ${answer.status}: ${answered.slice(0, 600)}`)
      return answered === '' ? undefined : (JSON.parse(answered) as unknown)
    },
  }
}
