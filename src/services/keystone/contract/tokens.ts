// Logging in, and asking what a token is worth.
import { anonymous, deferred, defineRoutes, Nullable, type Static, Type } from '#core/spec'
import { Flag, IdName, SelfLink } from './schemas.ts'

const DomainWish = Type.Object({ id: Type.Optional(Type.String({ maxLength: 255 })), name: Type.Optional(Type.String({ maxLength: 255 })) })

const UserWish = {
  id: Type.Optional(Type.String({ maxLength: 255 })),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  domain: Type.Optional(DomainWish),
}

const LogIn = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Type.String({ maxLength: 64 })),
      // A password that is too long gets the same answer as a wrong one, so its length is not told here.
      password: Type.Optional(Type.Object({ user: Type.Optional(Type.Object({ ...UserWish, password: Type.Optional(Type.String()) })) })),
      token: Type.Optional(Type.Object({ id: Type.String() })),
      delegation: Type.Optional(Type.Object({ user: Type.Optional(Type.Object({ id: Type.Optional(Type.String({ maxLength: 64 })) })) })),
    }),
    scope: Type.Optional(Type.Union([
      Type.String({ maxLength: 64 }),
      Type.Object({
        project: Type.Optional(Type.Object(UserWish)),
        domain: Type.Optional(DomainWish),
        system: Type.Optional(Type.Object({ all: Type.Optional(Type.Boolean()) })),
        unscoped: Type.Optional(Type.Unknown()),
      }),
    ])),
  }),
})

const Domain = IdName
const CatalogEntry = Type.Object({
  id: Type.String(), type: Type.String(), name: Type.String(),
  endpoints: Type.Array(Type.Object({
    id: Type.String(), interface: Type.String(), region_id: Nullable(Type.String()), region: Nullable(Type.String()), url: Type.String(),
  })),
})

export const TokenDocument = Type.Object({
  token: Type.Object({
    methods: Type.Array(Type.String()),
    user: Type.Object({ id: Type.String(), name: Type.String(), domain: Domain, password_expires_at: Nullable(Type.String()) }),
    audit_ids: Type.Array(Type.String()), expires_at: Type.String(), issued_at: Type.String(),
    system: Type.Optional(Type.Object({ all: Type.Boolean() })),
    domain: Type.Optional(Domain),
    project: Type.Optional(Type.Object({ id: Type.String(), name: Type.String(), domain: Domain })),
    is_domain: Type.Optional(Type.Boolean()),
    roles: Type.Optional(Type.Array(IdName)),
    catalog: Type.Optional(Type.Array(CatalogEntry)),
  }),
})
export type TokenDocument = Static<typeof TokenDocument>

const query = Type.Object({ nocatalog: Flag, allow_expired: Flag })

export const tokenRoutes = defineRoutes('keystone', {
  issueToken: {
    method: 'POST', path: '/auth/tokens', policy: anonymous, summary: 'Log in: get a token, unscoped or for a project, a domain or the system.',
    query, body: LogIn, reply: { 201: TokenDocument }, faults: [400, 401, 403, 404],
  },
  validateToken: {
    method: 'GET', path: '/auth/tokens', policy: deferred('identity:validate_token'), summary: 'What the token in X-Subject-Token stands for, if it is valid.',
    query, reply: { 200: TokenDocument }, faults: [401, 403, 404],
  },
  checkToken: {
    method: 'HEAD', path: '/auth/tokens', policy: deferred('identity:check_token'), summary: 'Whether the token in X-Subject-Token is valid.',
    query, reply: { 200: null }, faults: [401, 403, 404],
  },
  revokeToken: {
    method: 'DELETE', path: '/auth/tokens', policy: deferred('identity:revoke_token'), summary: 'Make the token in X-Subject-Token, and those made from it, invalid at once.',
    reply: { 204: null }, faults: [401, 403, 404],
  },
  showAuthCatalog: {
    method: 'GET', path: '/auth/catalog', policy: 'identity:get_auth_catalog', summary: "The service catalog of the token's project.",
    reply: { 200: Type.Object({ catalog: Type.Array(CatalogEntry), links: SelfLink }) }, faults: [401, 403],
  },
  listAuthSystem: {
    method: 'GET', path: '/auth/system', policy: 'identity:get_auth_system', summary: 'Whether the user may have a token for the system.',
    reply: { 200: Type.Object({ system: Type.Array(Type.Object({ all: Type.Boolean() })), links: SelfLink }) }, faults: [401],
  },
})
