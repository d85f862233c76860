// The tokens that a service works with: its own, and short delegated ones for the users it acts for.
import type { Capabilities, Identity } from '#core/context'
import { AppError, ServiceUnavailable } from '#core/errors'
import { readText } from '#core/http'
import { exchange, type ServiceTarget } from './exchange.ts'

export interface Credentials {
  /** The service's own token. */
  service(): Promise<string>
  /**
   * A token for a user's project, with the assignments that the user has now.
   *
   * @throws AppError 401 or 403 when the user or project is disabled or the assignment is gone
   */
  delegated(identity: Identity): Promise<string>
  /** Ask anew next time. */
  forget(): void
}

interface Kept {
  readonly token: string
  readonly until: number
}

const renewBeforeMs = 120_000
const keptDelegations = 1000

export function createCredentials(options: { keystone: ServiceTarget; userName: string; password: string; capabilities: Capabilities }): Credentials {
  const { keystone, capabilities: { clock } } = options
  let own: Promise<Kept> | undefined
  const delegations = new Map<string, Promise<Kept>>()

  async function ask(auth: unknown, headers: Record<string, string>): Promise<Kept> {
    const reply = await exchange(keystone, {
      method: 'POST', path: `${keystone.prefix}/auth/tokens`, query: 'nocatalog', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ auth }),
    }, true)
    const text = (await readText(reply.body, 1024 * 1024)) ?? ''
    const token = reply.headers['X-Subject-Token'] ?? reply.headers['x-subject-token']
    if (reply.status !== 201 || token === undefined) {
      if (reply.status >= 500) throw new ServiceUnavailable('Keystone could not issue a token; try again.')
      throw new AppError(reply.status, 'token_refused', 'Keystone refused the token that this work needs: the user, the project or the role assignment is gone or disabled.')
    }
    const { token: { expires_at: expires } } = JSON.parse(text) as { token: { expires_at: string } }
    return { token, until: Date.parse(expires) - renewBeforeMs }
  }

  const fresh = (kept: Kept): boolean => kept.until > clock.now().getTime()

  async function service(): Promise<string> {
    if (own) {
      const kept = await own
      if (fresh(kept)) return kept.token
    }
    const asked = ask({
      identity: { methods: ['password'], password: { user: { name: options.userName, domain: { id: 'default' }, password: options.password } } },
      scope: { project: { name: 'service', domain: { id: 'default' } } },
    }, {})
    own = asked
    asked.catch(() => {
      if (own === asked) own = undefined
    })
    return (await asked).token
  }

  return {
    service,
    async delegated(identity) {
      const key = `${identity.userId} ${identity.projectId ?? ''}`
      const known = delegations.get(key)
      if (known) {
        const kept = await known
        if (fresh(kept)) return kept.token
      }
      const asked = service().then((token) =>
        ask({ identity: { methods: ['delegation'], delegation: { user: { id: identity.userId } } }, scope: { project: { id: identity.projectId } } }, { 'x-auth-token': token }))
      delegations.set(key, asked)
      const oldest = delegations.keys().next().value
      if (delegations.size > keptDelegations && oldest !== undefined) delegations.delete(oldest)
      asked.catch(() => delegations.delete(key))
      return (await asked).token
    },
    forget() {
      own = undefined
      delegations.clear()
    },
  }
}
