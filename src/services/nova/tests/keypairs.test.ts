// Keypairs through the front door.
import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHwnsin6C4V2TUcNFuU/grCKQhSlVzNF0aKN8F9Yqzpo someone@somewhere'
/** `ssh-keygen -l -E md5` says so. */
const fingerprint = '43:3f:85:36:84:db:24:dd:8e:be:b0:22:ab:ae:9a:7a'
const certificate = `-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUUfWlgAIX/OkqTj264WE4Zpa4t/8wCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEZGVtbzAeFw0yNjExMjEwNjE3NTZaFw0zNjExMTgwNjE3NTZa
MA8xDTALBgNVBAMMBGRlbW8wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQPNx04
W7GkB2oD4ZQVSJo1NHolAfr8AIuLvYzgphw8DJWSsk/3Zge+HFtjeFt5Yy1T6a+J
nCASTsF2DIQc2j+uo1MwUTAdBgNVHQ4EFgQUr4/U3kQDSfC+Jug2tWjWlw4IOgcw
HwYDVR0jBBgwFoAUr4/U3kQDSfC+Jug2tWjWlw4IOgcwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNJADBGAiEA9EkRztMYxSE9i5IKNbhQ/yfT+lUqNwGD/Qvm
Y7sANwoCIQDm8e8G2vJX9EBAc8rHPOP+uvegQho8bNajt+uWgV8Vig==
-----END CERTIFICATE-----
`

test('a keypair is imported, shown, listed and deleted by its user', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const demo = await cloud.login('demo')

  const made = await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'mine', public_key: key } })
  assert.equal(made.status, 200)
  assert.deepEqual(made.body, { keypair: { name: 'mine', public_key: key, fingerprint, user_id: demo.userId } })

  const shown = await demo.call('nova', 'GET', '/v2.1/os-keypairs/mine', undefined, at('2.92'))
  assert.equal(shown.status, 200)
  assert.match(shown.body.keypair.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
  assert.deepEqual(shown.body, {
    keypair: {
      name: 'mine', public_key: key, fingerprint, user_id: demo.userId, type: 'ssh', id: 1, created_at: shown.body.keypair.created_at,
      deleted: false, deleted_at: null, updated_at: null,
    },
  })
  assert.deepEqual((await demo.call('nova', 'GET', '/v2.1/os-keypairs')).body, { keypairs: [{ keypair: { name: 'mine', public_key: key, fingerprint } }] })

  const again = await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'mine', public_key: key } })
  assert.deepEqual([again.status, again.body], [409, { conflictingRequest: { code: 409, message: "Key pair 'mine' already exists." } }])

  assert.equal((await demo.call('nova', 'DELETE', '/v2.1/os-keypairs/mine', undefined, at('2.2'))).status, 204)
  const gone = await demo.call('nova', 'DELETE', '/v2.1/os-keypairs/mine')
  assert.deepEqual([gone.status, gone.body], [404, { itemNotFound: { code: 404, message: `Keypair mine not found for user ${demo.userId}` } }])
})

test('a pair is made up to 2.91, its private half answered once', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const demo = await cloud.login('demo')
  const { status, body } = await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'made', type: 'ssh' } }, at('2.91'))
  assert.equal(status, 201)
  assert.match(body.keypair.public_key, /^ssh-rsa AAAA\S+ Generated-by-Nova$/)
  assert.match(body.keypair.private_key, /^-----BEGIN RSA PRIVATE KEY-----\n/)
  const { n } = createPublicKey(body.keypair.private_key).export({ format: 'jwk' })
  const blob = Buffer.from(body.keypair.public_key.split(' ')[1], 'base64')
  assert.equal(blob.subarray(-256).toString('base64url'), n)
  assert.equal('private_key' in (await demo.call('nova', 'GET', '/v2.1/os-keypairs/made')).body.keypair, false)

  const late = await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'late' } }, at('2.92'))
  assert.deepEqual([late.status, late.body.badRequest.message], [400, "Invalid input for field/attribute keypair. Value: {'name': 'late'}. 'public_key' is a required property"])
})

test('a certificate is imported with its fingerprint, but not made', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const demo = await cloud.login('demo')
  const { status, body } = await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'windows', type: 'x509', public_key: certificate } }, at('2.2'))
  assert.equal(status, 201)
  assert.deepEqual(body.keypair, { name: 'windows', type: 'x509', public_key: certificate, fingerprint: '49:ea:6a:3f:b0:0e:3f:cd:fc:e7:d0:78:1c:37:c6:9f:ad:d2:73:de', user_id: demo.userId })
  assert.equal((await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'w2', type: 'x509' } }, at('2.2'))).status, 400)
  assert.equal((await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'w3', type: 'x509', public_key: key } }, at('2.2'))).status, 400)
})

test('what is no key, or has an odd name, is refused', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const demo = await cloud.login('demo')
  const create = async (keypair: object, version = '2.1') => (await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair }, at(version))).status
  for (const bad of ['', 'ssh-rsa', 'ssh-rsa AAAA', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB== x', key.replace('ssh-ed25519 ', 'ssh-rsa '), '-----BEGIN']) {
    assert.equal(await create({ name: 'bad', public_key: bad }), 400, bad)
  }
  for (const name of ['', ' a', 'a ', 'a/b', 'a.b', 'a@b', 'x'.repeat(256), 'ä', 7]) assert.equal(await create({ name, public_key: key }), 400, String(name))
  assert.equal(await create({ name: 'a.b@c', public_key: key }, '2.92'), 201)
  assert.equal(await create({ name: 'typed', public_key: key, type: 'ssh' }), 400)
  assert.equal(await create({ name: 'typed', public_key: key, type: 'pgp' }, '2.2'), 400)
  assert.equal(await create({ name: 'typed', public_key: key, user_id: demo.userId }, '2.9'), 400)
})

test("another user's keypairs are an admin's business, from 2.10", async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo, stranger] = [await cloud.login('admin'), await cloud.login('demo'), await cloud.login('stranger')]
  await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'mine', public_key: key } })
  const path = `/v2.1/os-keypairs/mine?user_id=${demo.userId}`

  assert.equal((await admin.call('nova', 'GET', path, undefined, at('2.10'))).status, 200)
  assert.equal((await admin.call('nova', 'GET', path, undefined, at('2.9'))).status, 404)
  assert.equal((await stranger.call('nova', 'GET', path, undefined, at('2.10'))).status, 403)
  assert.equal((await stranger.call('nova', 'DELETE', path, undefined, at('2.10'))).status, 403)
  assert.equal((await stranger.call('nova', 'GET', `/v2.1/os-keypairs?user_id=${demo.userId}`, undefined, at('2.10'))).status, 403)
  const planted = await stranger.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'evil', public_key: key, user_id: demo.userId } }, at('2.10'))
  assert.deepEqual([planted.status, planted.body.forbidden.message], [403, "Policy doesn't allow os_compute_api:os-keypairs:create to be performed."])
  const given = await admin.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'given', public_key: key, user_id: demo.userId } }, at('2.10'))
  assert.deepEqual([given.status, given.body.keypair.user_id], [201, demo.userId])
  assert.equal((await stranger.call('nova', 'GET', '/v2.1/os-keypairs/mine')).status, 404)
})

test('keypairs are listed in pages from 2.35, and end at the quota', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'], { config: { nova: { quota_key_pairs: 3 } } })
  const demo = await cloud.login('demo')
  const made = await Promise.all(['d', 'b', 'a', 'c'].map((name) => demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name, public_key: key } })))
  assert.deepEqual(made.map(({ status }) => status).sort((a, b) => a - b), [200, 200, 200, 403])
  assert.equal(made.find(({ status }) => status === 403)?.body.forbidden.message, 'Quota exceeded, too many key pairs.')

  const first = await demo.call('nova', 'GET', '/v2.1/os-keypairs?limit=2', undefined, at('2.35'))
  assert.equal(first.body.keypairs.length, 2)
  const next = new URL(first.body.keypairs_links[0].href)
  const second = await demo.call('nova', 'GET', next.pathname + next.search, undefined, at('2.35'))
  assert.deepEqual(Object.keys(second.body), ['keypairs'])
  assert.equal(second.body.keypairs.length, 1)
  assert.equal((await demo.call('nova', 'GET', '/v2.1/os-keypairs?marker=nothing', undefined, at('2.35'))).status, 400)
  assert.equal((await demo.call('nova', 'GET', '/v2.1/os-keypairs?limit=x', undefined, at('2.35'))).status, 400)
  assert.equal((await demo.call('nova', 'GET', '/v2.1/os-keypairs?color=red', undefined, at('2.74'))).status, 200)
  assert.equal((await demo.call('nova', 'GET', '/v2.1/os-keypairs?color=red', undefined, at('2.75'))).status, 400)
})
