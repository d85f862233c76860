// A small client of any OpenStack endpoint for measuring: keep-alive sockets, no retries, nothing hidden.
import { Agent, request } from 'node:http'

export interface Endpoint {
  readonly authUrl: string
  readonly user: string
  readonly password: string
  readonly project: string
}

export interface Answer {
  readonly status: number
  readonly body: any
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

export class Cloud {
  readonly #endpoints = new Map<string, string>()
  readonly authUrl: string
  token = ''

  constructor(authUrl: string) {
    this.authUrl = authUrl
  }

  static async logIn({ authUrl, user, password, project }: Endpoint): Promise<Cloud> {
    const cloud = new Cloud(authUrl)
    const domain = { name: 'Default' }
    const reply = await send('POST', `${authUrl}/auth/tokens`, {}, { auth: { identity: { methods: ['password'], password: { user: { name: user, domain, password } } }, scope: { project: { name: project, domain } } } })
    if (reply.status !== 201) throw new Error(`${authUrl} refused the log-in of ${user}: ${reply.status}`)
    cloud.token = String(reply.headers['x-subject-token'])
    for (const service of reply.body.token.catalog as { type: string; endpoints: { interface: string; url: string }[] }[]) {
      const url = service.endpoints.find((each) => each.interface === 'public')?.url
      if (url !== undefined) cloud.#endpoints.set(service.type, url.replace(/\/$/, ''))
    }
    return cloud
  }

  /** @throws when the status is none of `expected` */
  async call(type: string, method: string, path: string, body?: unknown, expected: readonly number[] = [200, 201, 202, 204], headers: Record<string, string> = {}): Promise<Answer> {
    const base = type === 'identity' ? this.authUrl : this.#endpoints.get(type)
    const reply = await send(method, `${base}${path}`, { 'x-auth-token': this.token, ...headers }, body)
    if (!expected.includes(reply.status)) throw new Error(`${method} ${type}${path} answered ${reply.status}: ${JSON.stringify(reply.body).slice(0, 300)}`)
    return reply
  }
}

function send(method: string, url: string, headers: Record<string, string>, body?: unknown): Promise<Answer & { headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const outgoing = request(url, { method, agent, headers: { accept: 'application/json', ...headers, ...(text !== undefined && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }) } }, (reply) => {
      let answered = ''
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        answered += chunk
      }).on('end', () => {
        try {
          resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: answered.startsWith('{') || answered.startsWith('[') ? (JSON.parse(answered) as unknown) : answered })
        } catch (error) {
          reject(error as Error)
        }
      })
    })
    outgoing.on('error', reject)
    outgoing.end(text)
  })
}
