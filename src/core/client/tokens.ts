// Checks tokens by asking keystone, remembers verdicts for a while, and forgets them the moment keystone says so.
import type { Capabilities, Identity } from '#core/context'
import { AppError, Unauthorized } from '#core/errors'
import { type Authenticate, readText } from '#core/http'
import type { Bus } from '#core/rpc'
import type { Credentials } from './credentials.ts'
import { exchange, type ServiceTarget } from './exchange.ts'
import { identityEvents } from './identity-events.ts'

interface Verdict {
  readonly identity: Identity
  readonly keepUntil: number
}

const keepMs = 60_000
const keptVerdicts = 4000
const longestToken = 4096

interface TokenBody {
  readonly token: {
    readonly user: { id: string; name: string; domain: { id: string; name: string } }
    readonly project?: { id: string; name: string; domain: { id: string; name: string } }
    readonly domain?: { id: string; name: string }
    readonly system?: { all: boolean }
    readonly roles?: readonly { name: string }[]
    readonly audit_ids?: readonly string[]
    readonly expires_at: string
  }
}

/** What keystone says of a token, as the identity that services work with. */
export function toIdentity({ token }: TokenBody): Identity {
  const { user, project, domain } = token
  return {
    userId: user.id, userName: user.name, userDomainId: user.domain.id, userDomainName: user.domain.name,
    ...(project && { projectId: project.id, projectName: project.name, projectDomainId: project.domain.id, projectDomainName: project.domain.name }),
    ...(domain && { domainId: domain.id, domainName: domain.name }),
    ...(token.system && { system: true }),
    ...(token.audit_ids?.[0] !== undefined && { auditId: token.audit_ids[0] }),
    roles: (token.roles ?? []).map((role) => role.name),
    expiresAt: new Date(token.expires_at),
  }
}

/**
 * What a service puts before its routes. An expired user's token is taken when it comes with a service's own
 * (`allow_expired`), so that long work can go on.
 */
export function tokenVerifier(options: { keystone: ServiceTarget; credentials: Credentials; bus: Bus; host: string; capabilities: Capabilities }): Authenticate {
  const { keystone, credentials, capabilities: { clock } } = options
  const verdicts = new Map<string, Verdict>()
  let changes = 0
  options.bus.serve(identityEvents, options.host, {
    async changed() {
      changes++
      verdicts.clear()
      credentials.forget()
    },
  })

  async function verify(token: string, allowExpired: boolean): Promise<{ identity: Identity; fromCache: boolean }> {
    if (token.length > longestToken) throw new Unauthorized('The request you have made requires authentication.')
    const key = allowExpired ? `+${token}` : token
    const now = clock.now().getTime()
    const known = verdicts.get(key)
    if (known && known.keepUntil > now && (allowExpired || (known.identity.expiresAt?.getTime() ?? 0) > now)) return { identity: known.identity, fromCache: true }
    const before = changes
    const identity = await ask(token, allowExpired)
    // What was asked before a change and answered after it may be stale: good for this request, not to be kept.
    if (before !== changes) return { identity, fromCache: false }
    const oldest = verdicts.keys().next().value
    if (verdicts.size >= keptVerdicts && oldest !== undefined) verdicts.delete(oldest)
    verdicts.set(key, { identity, keepUntil: now + keepMs })
    return { identity, fromCache: false }
  }

  async function ask(token: string, allowExpired: boolean, retried = false): Promise<Identity> {
    const reply = await exchange(keystone, {
      method: 'GET', path: `${keystone.prefix}/auth/tokens`, query: allowExpired ? 'nocatalog&allow_expired=1' : 'nocatalog',
      headers: { 'x-auth-token': await credentials.service(), 'x-subject-token': token }, body: null,
    })
    const text = await readText(reply.body, 1024 * 1024)
    if (reply.status === 200 && text !== undefined) return toIdentity(JSON.parse(text) as TokenBody)
    if (reply.status === 401 && !retried) {
      // It may be our own token that ran out.
      credentials.forget()
      return ask(token, allowExpired, true)
    }
    if (reply.status === 404 || reply.status === 401) throw new Unauthorized('The request you have made requires authentication.')
    throw new AppError(503, 'service_unavailable', 'Keystone could not check the token; try again.')
  }

  return async (token, serviceToken) => {
    if (token === undefined || token === '') throw new Unauthorized('The request you have made requires authentication.')
    if (serviceToken === undefined) return verify(token, false)
    const service = await verify(serviceToken, false)
    const allowExpired = service.identity.roles.includes('service')
    const verified = await verify(token, allowExpired)
    return { identity: { ...verified.identity, serviceRoles: service.identity.roles }, fromCache: verified.fromCache }
  }
}
