// What a guest learns about itself, from the metadata service and from its config drive.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { networkTransport } from '#core/client'
import type { RequestContext } from '#core/context'
import { readText } from '#core/http'
import { createMetadataService } from '../domain/metadata-service.ts'
import type { Nova } from '../domain/nova.ts'
import { boot, must, startBench, until, untilGone, untilStatus } from './bench.ts'
import { garden } from './plant.ts'

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEVCwDSqM4MN8yBkJxVhNk8jH3LVq5QK9pGHlyxWvKcx test@example'

test('a guest reads its name, key, user data and addresses; a question with a wrong signature learns nothing', async (t) => {
  const bench = await startBench(t, { sockets: true })
  const { demo, cloud } = bench
  must(await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'mine', public_key: publicKey } }), 200)
  const userData = Buffer.from('#!/bin/sh\necho hello\n')
  const motd = Buffer.from('welcome\n').toString('base64')
  const id = await boot(bench, { name: 'My Web.1', personality: [{ path: '/etc/motd', contents: motd }, { path: '/etc/empty', contents: '' }], key_name: 'mine', user_data: userData.toString('base64'), metadata: { role: 'web' } })
  const server = await untilStatus(demo, id, 'ACTIVE')
  const address = server.addresses.private[0].addr
  const transport = networkTransport(`http://127.0.0.1:${cloud.ports.metadata}`)
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const signature = createHmac('sha256', 'metadata-secret').update(id).digest('hex')
    const reply = await transport({
      method: 'GET', path, query: '', body: null, origin: '',
      headers: { 'x-instance-id': id, 'x-tenant-id': demo.projectId, 'x-instance-id-signature': signature, ...headers },
    })
    return { status: reply.status, text: (await readText(reply.body, 1_000_000)) ?? '' }
  }
  const text = async (path: string) => (await ask(path)).text

  const metaData = JSON.parse(await text('/openstack/latest/meta_data.json'))
  assert.deepEqual({ ...metaData, random_seed: metaData.random_seed.length > 100 }, {
    files: [{ path: '/etc/motd', content_path: '/content/0000' }, { path: '/etc/empty', content_path: '/content/0001' }], uuid: id, name: 'My Web.1', hostname: 'my-web.1.novalocal', meta: { role: 'web' }, public_keys: { mine: publicKey }, keys: [{ name: 'mine', type: 'ssh', data: publicKey }],
    launch_index: 0, availability_zone: 'nova', random_seed: true, project_id: demo.projectId, devices: [], dedicated_cpus: [],
  })
  assert.equal(await text('/openstack/2012-08-10/user_data'), userData.toString())
  const network = JSON.parse(await text('/openstack/latest/network_data.json'))
  assert.deepEqual(network.networks.map(({ type, network_id: net }: Record<string, string>) => [type, net]), [['ipv4_dhcp', bench.networkId]])
  assert.equal(await text('/latest/meta-data/local-ipv4'), address)
  assert.equal(await text('/2009-04-04/meta-data/public-keys/'), '0=mine')
  assert.equal((await text('/2009-04-04/meta-data/public-keys/0/openssh-key')).trim(), publicKey)
  assert.equal(await text('/latest/user-data'), userData.toString())
  assert.match(await text('/'), /^1\.0\n.*\nlatest$/s)
  assert.match(await text('/latest/meta-data/'), /\nplacement\/\npublic-hostname\n/)
  assert.equal(await text('/ec2/latest/meta-data/local-ipv4'), address)
  assert.equal(await text('/ec2'), await text('/'))
  assert.deepEqual([await text('/latest/meta-data/security-groups'), await text('/latest/meta-data/ami-launch-index')], ['default', '0'])
  const oldest = (await text('/1.0/meta-data')).split('\n')
  assert.deepEqual(oldest, ['ami-id', 'ami-launch-index', 'ami-manifest-path', 'hostname', 'instance-id', 'local-ipv4', 'public-keys/', 'reservation-id', 'security-groups'])
  const before = new Set(oldest)
  for (const [date, more] of [['2007-01-19', 'public-ipv4'], ['2007-08-29', 'instance-type'], ['2007-12-15', 'block-device-mapping/'], ['2008-02-01', 'placement/'], ['2008-09-01', 'instance-action']] as const) {
    const names = (await text(`/${date}/meta-data`)).split('\n')
    assert.deepEqual([before.has(more), names.includes(more)], [false, true], date)
    for (const name of names) before.add(name)
  }
  const plainly = async (headers: Record<string, string>, path = '/latest') => {
    const reply = await transport({ method: 'GET', path, query: '', body: null, origin: '', headers })
    return [reply.status, await readText(reply.body, 10_000)]
  }
  assert.deepEqual(await plainly({}, '/'), [200, await text('/')])
  assert.deepEqual(await plainly({}), [400, 'X-Instance-ID header is missing from request.'])
  assert.deepEqual(await plainly({ 'x-instance-id': id }), [400, 'X-Instance-ID-Signature header is missing from request.'])
  assert.deepEqual(await plainly({ 'x-instance-id': id, 'x-instance-id-signature': 'f' }), [400, 'X-Tenant-ID header is missing from request.'])

  const { status, text: why } = await ask('/openstack/latest/meta_data.json', { 'x-instance-id-signature': 'f'.repeat(64) })
  assert.deepEqual([status, why], [403, 'Invalid proxy request signature.'])
  assert.equal((await ask('/openstack/latest/meta_data.json', { 'x-instance-id-signature': '' })).status, 403)
  assert.equal((await ask('/openstack/latest/meta_data.json', { 'x-tenant-id': 'another' })).status, 404)
  assert.equal((await ask('/openstack/latest/meta_data.json', { 'x-instance-id': '' })).status, 400)
  assert.equal(await text('/openstack/content/0000'), 'welcome\n')
  assert.equal(await text('/openstack/content/0001'), '')
  for (const path of ['/openstack/latest/nothing', '/openstack/content', '/openstack/content/0002', '/openstack/content/0000/x', '/latest/content/0000']) {
    assert.equal((await ask(path)).status, 404, path)
  }
})

test('without a secret no question is signed, not even with an empty one', async () => {
  const service = createMetadataService({ settings: { metadata_proxy_shared_secret: '' } } as Nova)
  const signature = createHmac('sha256', '').update('its-id').digest('hex')
  const asked = service({} as RequestContext, { path: '/latest/meta-data/', instanceId: 'its-id', projectId: 'its-project', signature })
  await assert.rejects(asked, { status: 403, message: 'Invalid proxy request signature.' })
})

test('a config drive holds the same files', async (t) => {
  const bench = await startBench(t)
  const id = await boot(bench, { config_drive: true, name: 'drive' })
  const server = await untilStatus(bench.demo, id, 'ACTIVE')
  assert.equal(server.config_drive, 'True')
  const drive = bench.playground.world?.guests.get(id)?.spec.configDrive ?? {}
  const metaData = JSON.parse(Buffer.from(drive['openstack/latest/meta_data.json'] ?? '', 'base64').toString())
  assert.deepEqual([metaData.uuid, metaData.hostname], [id, 'drive.novalocal'])
  assert.ok(drive['openstack/latest/network_data.json'] !== undefined && drive['ec2/latest/meta-data.json'] !== undefined)
  assert.equal(drive['openstack/latest/user_data'], undefined)
  const ec2 = JSON.parse(Buffer.from(drive['ec2/latest/meta-data.json'] ?? '', 'base64').toString())
  assert.deepEqual([ec2['security-groups'], ec2['ami-launch-index']], [['default'], 0])
})

test('files given with the request are on the config drive, also after its guest was made anew, and go with the server', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const contents = Buffer.from('welcome\n').toString('base64')
  const id = await boot(bench, { config_drive: true, personality: [{ path: '/etc/motd', contents }] })
  await untilStatus(demo, id, 'ACTIVE')
  const drive = () => playground.world?.guests.get(id)?.spec.configDrive ?? {}
  const check = () => {
    const metaData = JSON.parse(Buffer.from(drive()['openstack/latest/meta_data.json'] ?? '', 'base64').toString())
    assert.deepEqual([metaData.files, drive()['openstack/content/0000']], [[{ path: '/etc/motd', content_path: '/content/0000' }], contents])
  }
  check()
  const before = drive()
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { reboot: { type: 'HARD' } }), 202)
  await until('its drive was made anew', async () => drive() !== before)
  check()
  const { cell } = await garden(t, bench.cloud)
  const rows = async () => (await cell.read.selectFrom('injected_files').select('path').where('instance_uuid', '=', id).execute()).length
  assert.equal(await rows(), 1)
  await untilStatus(demo, id, 'ACTIVE')
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  assert.equal(await rows(), 0)
})

test('files are taken up to 2.56 and within the quota', async (t) => {
  const bench = await startBench(t)
  const create = async (personality: unknown, version = '2.1') => {
    const { status, body } = await bench.demo.call('nova', 'POST', '/v2.1/servers', {
      server: { name: 'one', imageRef: bench.imageId, flavorRef: '1', networks: [{ uuid: bench.networkId }], personality },
    }, { 'openstack-api-version': `compute ${version}` })
    return [status, body.forbidden?.message]
  }
  const file = (path: string, contents = '') => ({ path, contents })
  assert.deepEqual(await create(Array.from({ length: 6 }, (_each, at) => file(`/${at}`))), [403, 'Personality file limit exceeded'])
  assert.deepEqual(await create([file('/'.repeat(256), 'A'.repeat(10_244))]), [403, 'Personality file path exceeds maximum 255'])
  assert.deepEqual(await create([file('/a', 'A'.repeat(10_244))]), [403, 'Personality file content exceeds maximum 10240'])
  assert.deepEqual(await create([file('/a', 'no-base64!')]), [400, undefined])
  assert.deepEqual(await create([file('/a', 'AAA')]), [400, undefined])
  assert.deepEqual(await create([], '2.57'), [400, undefined])
  assert.deepEqual(await create([file('/'.repeat(255), 'A'.repeat(10_240))], '2.56'), [202, undefined])
})
