import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { systemClock, systemRandom } from '#core/context'
import type { Scope, TokenClaims } from '../../model/tokens.ts'
import { open, seal } from './fernet.ts'
import { openKeyRepository, rotateKeys } from './keys.ts'
import { Float, pack, unpack } from './msgpack.ts'
import { packClaims, unpackClaims } from './payload.ts'

const key = Buffer.from('cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=', 'base64url')

describe('fernet', () => {
  test('reads and writes the example of the specification', () => {
    const iv = Buffer.from(Array.from({ length: 16 }, (_, at) => at))
    const token = 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA'
    assert.equal(seal(key, Buffer.from('hello'), 499_162_800, iv), token)
    assert.deepEqual(open([key], token), { message: Buffer.from('hello'), madeAtSeconds: 499_162_800 })
  })

  test('opens nothing that was altered in any place', () => {
    const token = seal(key, Buffer.from('a message of some length'), 1_700_000_000, systemRandom.bytes(16))
    for (let at = 0; at < token.length; at++) {
      const altered = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
      assert.equal(open([key], altered), undefined, `character ${at}`)
    }
    for (const other of ['', 'x', token.slice(0, -4), `${token}AAAA`, `${token}==`, token.replace('g', '/'), 'g'.repeat(5000)]) assert.equal(open([key], other), undefined)
    assert.equal(open([systemRandom.bytes(32)], token), undefined)
    assert.equal(open([], token), undefined)
  })
})

test('a token too long to be one of ours is not opened, however well it is made (CVE-2013-0247)', () => {
  const opened = (length: number) => open([key], seal(key, Buffer.alloc(length), 1_700_000_000, systemRandom.bytes(16))) !== undefined
  assert.deepEqual([opened(600), opened(800)], [true, false])
})

describe('a payload', () => {
  const id = fc.oneof(fc.uuid().map((uuid) => uuid.replaceAll('-', '')), fc.constantFrom('default', 'someone@example.org'))
  const scope: fc.Arbitrary<Scope> = fc.oneof(
    fc.constant<Scope>({ kind: 'unscoped' }), fc.constant<Scope>({ kind: 'system' }),
    id.map((value): Scope => ({ kind: 'project', id: value })), id.map((value): Scope => ({ kind: 'domain', id: value })))
  const audit = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'))

  test('comes out as it went in, for every scope', () => {
    fc.assert(fc.property(id, scope, fc.subarray(['password', 'token', 'delegation']), fc.array(audit, { minLength: 1, maxLength: 2 }), fc.integer({ min: 0, max: 4e9 }), fc.integer({ min: 0, max: 999 }),
      (userId, wanted, methods, auditIds, seconds, fraction) => {
        const claims: TokenClaims = { userId, scope: wanted, methods, auditIds, expiresAt: new Date(seconds * 1000 + 5000), issuedAt: new Date(seconds * 1000 + fraction) }
        assert.deepEqual(unpackClaims(packClaims(claims), seconds), claims)
      }))
  })

  test('for a project has the bytes that msgpack of Keystone has', () => {
    const claims: TokenClaims = {
      userId: 'ab'.repeat(16), scope: { kind: 'project', id: 'cd'.repeat(16) }, methods: ['password'], issuedAt: new Date(0),
      expiresAt: new Date(1_700_000_000_000), auditIds: [Buffer.alloc(16, 7).toString('base64url')],
    }
    assert.equal(packClaims(claims).toString('hex'), `960292c3c410${'ab'.repeat(16)}0292c3c410${'cd'.repeat(16)}cb41d954fc4000000091c410${'07'.repeat(16)}`)
  })

  test('of another kind, or no payload at all, is refused without harm', () => {
    for (const bytes of [pack([3, [true, Buffer.alloc(16)], 2, new Float(1), []]), pack([2]), pack('text'), pack([2, 'u', 2, 'p', new Float(1), [Buffer.alloc(16)]]), Buffer.from('c1', 'hex'), Buffer.alloc(0)]) {
      assert.equal(unpackClaims(bytes, 0), undefined)
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void unpackClaims(Buffer.from(bytes), 0)))
    assert.throws(() => unpack(Buffer.from('9999999999', 'hex')), RangeError)
  })
})

describe('the key repository', () => {
  test('rotates the staged key to primary, and drops the oldest', (t) => {
    const directory = join(mkdtempSync(join(tmpdir(), 'nimbo-keys-')), 'fernet-keys')
    t.after(() => rmSync(join(directory, '..'), { recursive: true }))
    const time = { ...systemClock, monotonic: () => now }
    let now = 0
    let rotations = 0
    const repository = openKeyRepository(directory, { random: systemRandom, clock: time }, () => rotations++)
    const numbers = () => readdirSync(directory).sort()
    assert.deepEqual(numbers(), ['0', '1'])
    for (const name of numbers()) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600)
    const [primary, staged] = repository.keys()
    assert.ok(primary && staged)
    const token = seal(primary, Buffer.from('x'), 1, systemRandom.bytes(16))

    assert.equal(rotateKeys(directory, systemRandom, 3), 2)
    now += 5000
    assert.deepEqual(repository.keys()[0], staged)
    assert.ok(open(repository.keys(), token), 'the former primary still opens')
    assert.equal(rotateKeys(directory, systemRandom, 3), 3)
    now += 5000
    assert.deepEqual(numbers(), ['0', '2', '3'])
    assert.equal(open(repository.keys(), token), undefined, 'its key is gone')
    assert.equal(rotations, 2)
  })

  test('a key that was dropped opens nothing, although somebody looked in the middle of the rotation', (t) => {
    const directory = join(mkdtempSync(join(tmpdir(), 'nimbo-keys-')), 'fernet-keys')
    t.after(() => rmSync(join(directory, '..'), { recursive: true }))
    let now = 0
    const repository = openKeyRepository(directory, { random: systemRandom, clock: { ...systemClock, monotonic: () => now } }, () => {})
    const [primary, staged] = repository.keys()
    assert.ok(primary && staged)
    const token = seal(primary, Buffer.from('x'), 1, systemRandom.bytes(16))
    const tick = new Date(1_700_000_000_000)
    // All within one tick of the clock that dates files.
    renameSync(join(directory, '0'), join(directory, '2'))
    utimesSync(directory, tick, tick)
    now += 5000
    assert.deepEqual(repository.keys(), [staged, primary])
    rmSync(join(directory, '1'))
    utimesSync(directory, tick, tick)
    now += 5000
    assert.deepEqual([repository.keys(), open(repository.keys(), token)], [[staged], undefined])
  })
})
