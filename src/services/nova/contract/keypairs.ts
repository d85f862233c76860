// Keypairs: public keys that users put into their servers.
import { Closed, deferred, defineRoutes, type Static, Type, versioned } from '#core/spec'
import { Filter, trimmedOfLegacy } from './schemas.ts'
import { AnyQuery, IdParams, Links } from './values.ts'

const name = (pattern: string) => Type.String({ minLength: 1, maxLength: 255, pattern: `^(?! )${pattern}+(?<! )$`, ...trimmedOfLegacy })
const OldName = name('[_\\- a-zA-Z0-9]')
const KeyName = name('[_\\-@. a-zA-Z0-9]')
const KeyType = Type.Union([Type.Literal('ssh'), Type.Literal('x509')])
const PublicKey = Type.String({ maxLength: 65_535 })
const UserId = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-]*$' })

const NewKeypair = Closed({
  keypair: Closed({ name: OldName, public_key: Type.Optional(PublicKey), type: Type.Optional(KeyType), user_id: Type.Optional(UserId) }),
})
export type NewKeypairWire = Static<typeof NewKeypair>['keypair']

const shown = { name: Type.String(), public_key: Type.String(), fingerprint: Type.String(), type: Type.Optional(KeyType) }
const ListedKeypair = Closed(shown)
const MadeKeypair = Closed({ keypair: Closed({ ...shown, user_id: Type.String(), private_key: Type.Optional(Type.String()) }) })
const ShownKeypair = Closed({
  keypair: Closed({
    ...shown, user_id: Type.String(), id: Type.Integer(), created_at: Type.String(), deleted: Type.Boolean(), deleted_at: Type.Null(), updated_at: Type.Null(),
  }),
})

const strict = (parameters: Record<string, typeof Filter>) => Type.Object(parameters, { additionalProperties: false })
const user = { user_id: Filter }
const query = versioned({ '2.1': AnyQuery, '2.10': Type.Object(user, { additionalProperties: true }), '2.75': strict(user) })

export const keypairRoutes = defineRoutes('nova', {
  listKeypairs: {
    method: 'GET', path: '/os-keypairs', policy: deferred('os_compute_api:os-keypairs:index'), summary: "The caller's keypairs, or from 2.10 another user's.",
    query: versioned({
      '2.1': AnyQuery, '2.10': Type.Object(user, { additionalProperties: true }),
      '2.35': Type.Object({ ...user, limit: Filter, marker: Filter }, { additionalProperties: true }), '2.75': strict({ ...user, limit: Filter, marker: Filter }),
    }),
    reply: { 200: Closed({ keypairs: Type.Array(Closed({ keypair: ListedKeypair })), keypairs_links: Type.Optional(Links) }) }, faults: [400, 401, 403],
  },
  createKeypair: {
    method: 'POST', path: '/os-keypairs', policy: deferred('os_compute_api:os-keypairs:create'), summary: 'Import a public key; before 2.92 also make a pair.',
    body: versioned({
      '2.1': Closed({ keypair: Closed({ name: OldName, public_key: Type.Optional(PublicKey) }) }),
      '2.2': Closed({ keypair: Closed({ name: OldName, public_key: Type.Optional(PublicKey), type: Type.Optional(KeyType) }) }),
      '2.10': NewKeypair,
      '2.92': Closed({ keypair: Closed({ name: KeyName, public_key: PublicKey, type: Type.Optional(KeyType), user_id: Type.Optional(UserId) }) }),
    }),
    reply: { 200: MadeKeypair, 201: MadeKeypair }, faults: [400, 401, 403, 409],
  },
  showKeypair: {
    method: 'GET', path: '/os-keypairs/:id', policy: deferred('os_compute_api:os-keypairs:show'), summary: 'One keypair, by name.',
    params: IdParams, query, reply: { 200: ShownKeypair }, faults: [401, 403, 404],
  },
  deleteKeypair: {
    method: 'DELETE', path: '/os-keypairs/:id', policy: deferred('os_compute_api:os-keypairs:delete'), summary: 'Delete a keypair; servers keep the key.',
    params: IdParams, query, reply: { 202: null, 204: null }, faults: [401, 403, 404],
  },
})
