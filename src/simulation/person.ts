// Somebody outside of the cloud who speaks to its APIs, and may not hear what became of it.
import { type ApiRequest, readText } from '#core/http'
import type { ServiceName } from '#core/service'
import type { SimulatedNetwork } from './network.ts'

export interface Reply {
  /** 0 when no answer came. */
  readonly status: number
  /** JSON as a value, anything else as text. */
  readonly body: any
  readonly headers: Readonly<Record<string, string>>
  /** The request comes a second time, and its answer then is heard by nobody. */
  readonly repeated: boolean
}

export class Person {
  readonly name: string
  readonly token: string
  readonly projectId: string
  readonly #network: SimulatedNetwork

  private constructor(network: SimulatedNetwork, name: string, token: string, projectId: string) {
    this.#network = network
    this.name = name
    this.token = token
    this.projectId = projectId
  }

  /** @throws Error when keystone refuses, or no answer came */
  static async logIn(network: SimulatedNetwork, user: string, project: string, password: string, name = user): Promise<Person> {
    const reply = await send(network, name, 'keystone', {
      method: 'POST', path: '/v3/auth/tokens', query: '', headers: { 'content-type': 'application/json' }, origin: 'http://127.0.0.1:5000',
      body: JSON.stringify({
        auth: {
          identity: { methods: ['password'], password: { user: { name: user, domain: { id: 'default' }, password } } },
          scope: { project: { name: project, domain: { id: 'default' } } },
        },
      }),
    })
    if (reply.status !== 201) throw new Error(`${user} could not log in: ${reply.status} ${JSON.stringify(reply.body)}`)
    return new Person(network, name, String(reply.headers['x-subject-token']), String(reply.body.token.project.id))
  }

  async call(service: ServiceName, method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const [pathname = '', query = ''] = path.split(/\?(.*)/s)
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
    return send(this.#network, this.name, service, {
      method, path: pathname, query, body: text, origin: 'http://127.0.0.1',
      headers: { 'x-auth-token': this.token, ...(text !== null && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }), ...headers },
    })
  }
}

async function send(network: SimulatedNetwork, name: string, service: ServiceName, request: ApiRequest): Promise<Reply> {
  let repeated = false
  try {
    const reply = await network.fromOutside(name, service, () => (repeated = true))(request)
    const text = (await readText(reply.body, 64 * 1024 * 1024)) ?? ''
    const headers = Object.fromEntries(Object.entries(reply.headers).map(([key, value]) => [key.toLowerCase(), value]))
    return { status: reply.status, headers, repeated, body: headers['content-type']?.includes('json') && text !== '' ? JSON.parse(text) : text }
  } catch (error) {
    return { status: 0, headers: {}, repeated, body: (error as Error).message }
  }
}
