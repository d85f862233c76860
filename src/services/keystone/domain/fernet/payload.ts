// What a token says, packed as Keystone packs it: a version by scope, ids as the 16 bytes of their UUIDs
// (keystone/token/token_formatters.py). The expiry is a float of whole seconds there; we put into its fraction that of the
// time of issue, of which the token itself keeps whole seconds only.
import type { Scope, TokenClaims } from '../../model/tokens.ts'
import { Float, pack, type Packed, unpack } from './msgpack.ts'

/** Keystone numbers methods by their place in its default list; the delegation of our services follows after those. */
const methodBits: readonly (readonly [name: string, bit: number])[] = [['password', 2], ['token', 4], ['delegation', 64]]

const hexId = /^[0-9a-f]{32}$/

export function packClaims(claims: TokenClaims): Buffer {
  const { scope } = claims
  const user = packId(claims.userId)
  const methods = methodBits.reduce((sum, [name, bit]) => (claims.methods.includes(name) ? sum | bit : sum), 0)
  const expires = new Float(Math.floor(claims.expiresAt.getTime() / 1000) + (claims.issuedAt.getTime() % 1000) / 1000)
  const auditIds = claims.auditIds.map((id) => Buffer.from(id, 'base64url'))
  switch (scope.kind) {
    case 'unscoped':
      return pack([0, user, methods, expires, auditIds])
    case 'domain':
      return pack([1, user, methods, hexId.test(scope.id) ? Buffer.from(scope.id, 'hex') : scope.id, expires, auditIds])
    case 'project':
      return pack([2, user, methods, packId(scope.id), expires, auditIds])
    case 'system':
      return pack([8, user, methods, 'all', expires, auditIds])
  }
}

/** Undefined for a payload of a kind that we do not issue, or that is none. */
export function unpackClaims(bytes: Buffer, madeAtSeconds: number): TokenClaims | undefined {
  try {
    return readClaims(unpack(bytes), madeAtSeconds)
  } catch {
    return undefined
  }
}

function readClaims(payload: Packed, madeAtSeconds: number): TokenClaims | undefined {
  if (!Array.isArray(payload)) return undefined
  const [version, user, bits, ...rest] = payload as readonly Packed[]
  const scope = readScope(version, rest[0])
  const [expires, audit] = scope?.kind === 'unscoped' ? rest : rest.slice(1)
  const userId = readId(user)
  if (!scope || userId === undefined || typeof bits !== 'number' || typeof expires !== 'number' || !Array.isArray(audit)) return undefined
  const auditIds = audit.map((id: Packed) => (id instanceof Uint8Array ? Buffer.from(id).toString('base64url') : ''))
  if (auditIds.length < 1 || auditIds.includes('')) return undefined
  const milliseconds = Math.round(expires * 1000)
  return {
    userId, scope, auditIds, methods: methodBits.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name),
    expiresAt: new Date(milliseconds - (milliseconds % 1000)), issuedAt: new Date(madeAtSeconds * 1000 + (milliseconds % 1000)),
  }
}

function readScope(version: Packed | undefined, value: Packed | undefined): Scope | undefined {
  switch (version) {
    case 0:
      return { kind: 'unscoped' }
    case 1: {
      const id = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
      return typeof id === 'string' ? { kind: 'domain', id } : undefined
    }
    case 2: {
      const id = readId(value)
      return id === undefined ? undefined : { kind: 'project', id }
    }
    case 8:
      return value === 'all' ? { kind: 'system' } : undefined
    default:
      return undefined
  }
}

function packId(id: string): Packed {
  return hexId.test(id) ? [true, Buffer.from(id, 'hex')] : [false, id]
}

function readId(value: Packed | undefined): string | undefined {
  if (!Array.isArray(value)) return undefined
  const [asBytes, id] = value as readonly Packed[]
  if (asBytes === true && id instanceof Uint8Array) return Buffer.from(id).toString('hex')
  return typeof id === 'string' ? id : undefined
}
