// A token that is none, nonsense, forged, expired or revoked opens nothing: asked of every service through its whole pipeline,
// each answering in upstream's form, with the way to a new token. What a service remembers of a token ends with the token.
import assert from 'node:assert/strict'
import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import type { ServiceName } from '#core/service'
import { type Answered, startCloud } from '../../src/app/testing/index.ts'

/** Upstream's services have one middleware before them, and so one form for this. */
const refusal = { error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } }

const paths: Readonly<Record<ServiceName, string>> = {
  keystone: '/v3/auth/projects', glance: '/v2/images', placement: '/resource_providers', nova: '/v2.1/servers', neutron: '/v2.0/networks', cinder: '/v3/volumes',
  nimbo: '/v1/operations',
}

/** Those that have operations and events, and the front for all of them. */
const explaining = ['glance', 'nova', 'neutron', 'cinder', 'nimbo'] as const

/** Well formed (the Fernet specification: version, time, vector, ciphertext, signature), and signed by a key that nobody has. */
function forged(sample: string): string {
  const [signing, encrypting, vector] = [randomBytes(16), randomBytes(16), randomBytes(16)]
  const cipher = createCipheriv('aes-128-cbc', encrypting, vector)
  const length = Buffer.from(sample, 'base64url').length - 1 - 8 - 16 - 32
  const text = Buffer.concat([cipher.update(randomBytes(length - 1)), cipher.final()])
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)))
  const signed = Buffer.concat([Buffer.of(0x80), time, vector, text])
  return Buffer.concat([signed, createHmac('sha256', signing).update(signed).digest()]).toString('base64url')
}

test('a token that is no good is refused by each of the services', async (t) => {
  let ahead = 0
  const cloud = await startCloud(t, ['placement', 'glance', 'neutron', 'cinder', 'nova', 'nimbo'], { capabilities: { clock: { ...systemClock, now: () => new Date(Date.now() + ahead) } } })
  const names = Object.keys(paths) as (keyof typeof paths)[]
  const ask = (name: keyof typeof paths, token?: string): Promise<Answered> => cloud.call(name, 'GET', paths[name], undefined, token === undefined ? {} : { 'x-auth-token': token })
  const refused = async (what: string, token?: string) => {
    for (const name of names) {
      const { status, headers, body } = await ask(name, token)
      assert.equal(status, 401, `${name}: ${what}`)
      assert.match(headers['www-authenticate'] ?? '', /^Keystone uri="http:\/\/127\.0\.0\.1:5000\/v3"$/, `${name}: ${what}`)
      assert.deepEqual(body, refusal, `${name}: ${what}`)
    }
    for (const name of explaining) {
      for (const path of ['/v1/events', '/v1/events?cursor=oldest', '/v1/operations', '/v1/operations/none']) {
        const { status, body } = await cloud.call(name, 'GET', path, undefined, token === undefined ? {} : { 'x-auth-token': token })
        assert.deepEqual([status, body], [401, refusal], `${name} ${path}: ${what}`)
      }
    }
  }
  const accepted = async (token: string) => {
    for (const name of names) assert.ok([200, 403].includes((await ask(name, token)).status), `${name} knows the token`)
  }

  await t.test('none, nonsense, and one that is well formed but signed by another key', async () => {
    const { token } = await cloud.login('demo')
    await refused('no token')
    await refused('an empty one', '')
    await refused('nonsense', 'nonsense')
    await refused('a long one', 'x'.repeat(5000))
    const copy = forged(token)
    assert.deepEqual([copy.length, copy.slice(0, 6)], [token.replace(/=+$/, '').length, 'gAAAAA'])
    await refused('a forged one', copy)
    await refused('a forged one, padded', `${copy}${'='.repeat((4 - (copy.length % 4)) % 4)}`)
  })

  await t.test('one that was revoked, at once, also where it is remembered as good; others of the same user stay', async () => {
    const [gone, kept] = [await cloud.login('demo'), await cloud.login('member')]
    await accepted(gone.token)
    await accepted(kept.token)
    assert.equal((await gone.call('keystone', 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': gone.token })).status, 204)
    await refused('a revoked one', gone.token)
    await accepted(kept.token)
  })

  await t.test('one that has expired, also where it is remembered as good', async () => {
    const { token } = await cloud.login('reader')
    await accepted(token)
    const { body } = await cloud.call('keystone', 'GET', '/v3/auth/tokens', undefined, { 'x-auth-token': token, 'x-subject-token': token })
    ahead = Date.parse(body.token.expires_at) - Date.now() - 5000
    await accepted(token)
    ahead += 6000
    await refused('an expired one', token)
  })
})
