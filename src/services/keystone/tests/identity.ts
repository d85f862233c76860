// What keystone's black-box tests share: log-ins of every kind, and a cloud whose time can be moved.
import type { TestContext } from 'node:test'
import { systemClock } from '#core/context'
import { type Answered, type Session, startCloud, type TestCloud, type TestCloudOptions } from '../../../app/testing/index.ts'

export type Scope = Readonly<Record<string, unknown>> | string

export interface Identity {
  readonly cloud: TestCloud
  readonly admin: Session
  /** Move the cloud's clock on. */
  later(seconds: number): void
  password(user: Readonly<Record<string, unknown>>, scope?: Scope): Promise<Answered>
  withToken(token: string, scope?: Scope): Promise<Answered>
  /** What a token says, asked by the administrator. */
  show(token: string, query?: string): Promise<Answered>
  /** Make something as the administrator, and give what was made. */
  make(path: string, key: string, body: Readonly<Record<string, unknown>>): Promise<any>
  as(token: string, method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered>
  roleId(name: string): Promise<string>
}

export async function startIdentity(t: TestContext, options: TestCloudOptions = {}): Promise<Identity> {
  let offset = 0
  const clock = { ...systemClock, now: () => new Date(Date.now() + offset) }
  const cloud = await startCloud(t, ['keystone'], { ...options, capabilities: { clock, ...options.capabilities } })
  const admin = await cloud.login('admin')
  const logIn = (identity: unknown, scope?: Scope) => cloud.call('keystone', 'POST', '/v3/auth/tokens', { auth: { identity, ...(scope !== undefined && { scope }) } })
  const as: Identity['as'] = (token, method, path, body, headers) => cloud.call('keystone', method, path, body, { 'x-auth-token': token, ...headers })
  return {
    cloud, admin, as,
    later(seconds) {
      offset += seconds * 1000
    },
    password: (user, scope) => logIn({ methods: ['password'], password: { user } }, scope),
    withToken: (id, scope) => logIn({ methods: ['token'], token: { id } }, scope),
    show: (token, query = '') => as(admin.token, 'GET', `/v3/auth/tokens${query}`, undefined, { 'x-subject-token': token }),
    async make(path, key, body) {
      const made = await as(admin.token, 'POST', `/v3/${path}`, { [key]: body })
      if (made.status !== 201) throw new Error(`${path}: ${made.status} ${JSON.stringify(made.body)}`)
      return made.body[key]
    },
    async roleId(name) {
      return (await as(admin.token, 'GET', `/v3/roles?name=${name}`)).body.roles[0].id
    },
  }
}

export const tokenOf = (answered: Answered): string => answered.headers['x-subject-token'] ?? ''
export const demoProject = { project: { name: 'demo', domain: { id: 'default' } } }
export const demo = { name: 'demo', domain: { id: 'default' }, password: 'demo-secret' }
