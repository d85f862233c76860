// What nobody may read in a log, whatever is asked and whatever fails: every secret that was used is looked for (SECURITY-CASES.md, 28).
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { networkTransport } from '#core/client'
import { openLog } from '#core/observe'
import { boot, must, startBench, until, untilGone, untilStatus } from '../../src/services/nova/tests/bench.ts'
import { signedHeaders } from '../../src/services/neutron/host/metadata-agent.ts'

/** The parts of a text that would betray it: JSON escapes line ends. */
const linesOf = (text: string) => text.split('\n').filter((line) => line.length > 12 && !line.startsWith('-----'))

test('no password, key, user data, token or connection stands in the log, nor in what clients read of operations', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-secrets-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'nimbo.log')
  const bench = await startBench(t, { sockets: true, capabilities: { log: openLog({ level: 'debug', file }) } })
  const { cloud, admin, demo, playground } = bench
  const secrets = new Map<string, string>([['metadata secret', 'metadata-secret'], ['token', demo.token], ['password', 'demo-secret']])
  const keep = (name: string, text: string) => linesOf(text).forEach((line, at) => secrets.set(`${name} ${at}`, line))

  const { keypair } = must(await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: 'mine' } }), 200)
  keep('private key', keypair.private_key)
  const userData = '#!/bin/sh\necho horse-battery-staple > /etc/password\n'
  keep('user data', userData)
  const encoded = Buffer.from(userData).toString('base64')
  keep('user data as it was sent', encoded)
  const contents = Buffer.from('tell nobody of this file').toString('base64')
  keep('file', contents)
  const secret = { adminPass: 'correct-horse-adminPass', user_data: encoded, key_name: 'mine', personality: [{ path: '/etc/motd', contents }] }
  keep('admin password', secret.adminPass)
  const withVolume = {
    block_device_mapping_v2: [
      { source_type: 'image', uuid: bench.imageId, destination_type: 'local', boot_index: 0 },
      { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
    ],
  }

  // What goes well.
  const answered = must(await demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'made', imageRef: bench.imageId, flavorRef: '1', networks: [{ uuid: bench.networkId }], key_name: 'mine' } }), 202)
  secrets.set('generated password', answered.server.adminPass)
  const id = await boot(bench, { ...secret, ...withVolume })
  await untilStatus(demo, id, 'ACTIVE')
  const metadata = networkTransport(`http://127.0.0.1:${cloud.ports.metadata}`)
  const asked = await metadata({ method: 'GET', path: '/openstack/latest/user_data', query: '', body: null, origin: '', headers: signedHeaders('metadata-secret', id, demo.projectId, '10.0.0.9') as never })
  assert.equal(asked.status, 200)
  const version = { 'openstack-api-version': 'volume 3.70' }
  const { attachments } = must(await admin.call('cinder', 'GET', '/v3/attachments?all_tenants=1', undefined, version), 200)
  const { attachment } = must(await admin.call('cinder', 'GET', `/v3/attachments/${attachments[0].id}`, undefined, version), 200)
  keep('connection', attachment.connection_info.socket)

  // What is refused, and what fails below.
  must(await demo.call('nova', 'POST', '/v2.1/servers', { server: { ...secret, flavorRef: 'none', imageRef: bench.imageId, nonsense: true } }), 400)
  must(await demo.call('nova', 'POST', '/v2.1/servers', `{"server": ${JSON.stringify(secret)}`), 400)
  must(await cloud.call('keystone', 'POST', '/v3/auth/tokens', { auth: { identity: { methods: ['password'], password: { user: { name: 'demo', domain: { id: 'default' }, password: 'wrong-horse-battery' } } } } }), 401)
  keep('wrong password', 'wrong-horse-battery')
  playground.before = (method) => {
    if (method === 'spawn' || method === 'attachVolume') throw new Error('the hypervisor is out of order')
  }
  const failed = await boot(bench, { ...secret, ...withVolume })
  await untilStatus(demo, failed, 'ERROR')
  const { volume } = must(await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } }), 202)
  await until('the volume is there', async () => must(await demo.call('cinder', 'GET', `/v3/volumes/${volume.id}`), 200).volume.status === 'available')
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } }), 200)
  await until('the volume is free again', async () => must(await demo.call('cinder', 'GET', `/v3/volumes/${volume.id}`), 200).volume.status === 'available')
  for (const server of [id, failed]) {
    must(await demo.call('nova', 'DELETE', `/v2.1/servers/${server}`), 204)
    await untilGone(demo, server)
  }

  let read = ''
  for (const service of ['nova', 'cinder', 'neutron', 'glance'] as const) {
    for (const session of [admin, demo]) {
      const { operations } = must(await session.call(service, 'GET', `/v1/operations?limit=200${session === admin ? '&all_projects=true' : ''}`), 200)
      for (const each of operations) read += JSON.stringify(must(await session.call(service, 'GET', `/v1/operations/${each.id}`), 200))
    }
  }
  assert.match(read, /server\.build/)
  const log = readFileSync(file, 'utf8')
  assert.match(log, /the hypervisor is out of order/, 'what failed is in it')
  for (const [name, text] of secrets) {
    assert.ok(!log.includes(text), `${name} is in the log: ${log.split('\n').find((line) => line.includes(text))}`)
    assert.ok(!read.includes(text), `${name} is shown with an operation`)
  }
})
