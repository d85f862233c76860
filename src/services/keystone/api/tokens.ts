// Handlers of log-in and of what tokens are worth.
import { Unauthorized } from '#core/errors'
import { type Handlers, PreparedJson } from '#core/http'
import { markLogIn } from '../domain/log-in-trace.ts'
import { logIn } from '../domain/authenticate.ts'
import { fillCatalog } from '../domain/catalog.ts'
import { catalog, type Keystone } from '../domain/keystone.ts'
import { checkToken, describeToken, mayHave, revokeToken } from '../domain/tokens.ts'
import type { TokenDocument, tokenRoutes } from '../contract/tokens.ts'
import { notAuthorized, tokenNotFound } from '../model/errors.ts'
import { authorize } from './policy.ts'

type Input = Parameters<Handlers<typeof tokenRoutes>['validateToken']>[0]

const asDocument = (text: string) => new PreparedJson(text) as unknown as TokenDocument

export const tokenHandlers = (keystone: Keystone): Handlers<typeof tokenRoutes> => {
  /** The token asked about; its own owner, a service or an administrator may ask. @throws NotFound as upstream for one that is not valid */
  async function subject({ ctx, headers, query }: Pick<Input, 'ctx' | 'headers'> & { query: { allow_expired?: unknown } }, rule: string) {
    const id = headers['x-subject-token']
    const grace = isTrue(query.allow_expired) && ctx.identity.roles.includes('service') ? keystone.options.allow_expired_window : 0
    try {
      const known = await checkToken(keystone, id, grace)
      authorize(keystone.policy, rule, ctx.identity, { target: { token: { user_id: known.model.userId } } })
      return { id: id ?? '', known }
    } catch (error) {
      if (!(error instanceof Unauthorized)) throw error
      // Whose it was is not known any more, so its owner too learns that it is gone, not that it may not ask.
      if (id === undefined) authorize(keystone.policy, rule, ctx.identity)
      throw tokenNotFound()
    }
  }

  return {
    async issueToken({ body, headers, query }) {
      const trace = markLogIn(keystone)
      const { id, known } = await logIn(keystone, body.auth as Parameters<typeof logIn>[1], headers['x-auth-token'])
      const asked = trace.proven()
      const text = await describeToken(keystone, known, !('nocatalog' in query))
      asked.answered(known.model)
      return { status: 201, headers: { 'X-Subject-Token': id }, body: asDocument(text) }
    },
    async validateToken(input) {
      const { id, known } = await subject(input, 'identity:validate_token')
      const text = await describeToken(keystone, known, !('nocatalog' in input.query))
      return { status: 200, headers: { 'X-Subject-Token': id }, body: asDocument(text) }
    },
    async checkToken(input) {
      const { id } = await subject(input, 'identity:check_token')
      return { status: 200, headers: { 'X-Subject-Token': id } }
    },
    async revokeToken(input) {
      const { known } = await subject({ ...input, query: {} }, 'identity:revoke_token')
      await revokeToken(keystone, known)
      return { status: 204 }
    },
    async showAuthCatalog({ ctx, baseUrl }) {
      const { projectId, userId } = ctx.identity
      if (projectId === undefined) throw notAuthorized()
      const entries = fillCatalog(await catalog(keystone), { project_id: projectId, user_id: userId })
      return { status: 200, body: { catalog: entries as never, links: { self: `${baseUrl}/auth/catalog` } } }
    },
    async listAuthSystem({ ctx, baseUrl }) {
      const may = await mayHave(keystone, ctx.identity.userId, { kind: 'system' })
      return { status: 200, body: { system: may ? [{ all: true }] : [], links: { self: `${baseUrl}/auth/system` } } }
    },
  }
}

/** As oslo's bool_from_string: these words, and nothing else. */
function isTrue(value: unknown): boolean {
  return typeof value === 'string' && ['1', 't', 'true', 'on', 'y', 'yes'].includes(value.trim().toLowerCase())
}
