// The main job with fake drivers, through every part: the same in one process and over sockets; and its 51 steps.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bootFlow } from '#core/trace'
import { type Session, startCloud, type TestCloud } from '../../src/app/testing/index.ts'

const everything = ['placement', 'glance', 'neutron', 'cinder', 'nova'] as const

interface Prepared {
  readonly cloud: TestCloud
  readonly demo: Session
  readonly admin: Session
  readonly network: string
  readonly image: string
}

async function prepare(t: TestContext, sockets: boolean): Promise<Prepared> {
  const cloud = await startCloud(t, everything, { sockets })
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  const must = async (session: Session, ...call: Parameters<Session['call']>) => {
    const reply = await session.call(...call)
    assert.ok(reply.status < 300, `${call[1]} ${call[2]}: ${reply.status} ${JSON.stringify(reply.body)}`)
    return reply.body
  }
  await must(admin, 'nova', 'POST', '/v2.1/flavors', { flavor: { id: '42', name: 'm1.nano', ram: 128, vcpus: 1, disk: 1 } })
  const image = await must(demo, 'glance', 'POST', '/v2/images', { name: 'disk', disk_format: 'raw', container_format: 'bare' })
  await must(demo, 'glance', 'PUT', `/v2/images/${image.id}/file`, '\0'.repeat(4096), { 'content-type': 'application/octet-stream' })
  const { network } = await must(demo, 'neutron', 'POST', '/v2.0/networks', { network: { name: 'private' } })
  await must(demo, 'neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } })
  return { cloud, admin, demo, network: network.id, image: image.id }
}

async function boot({ demo, network, image }: Prepared, name: string, more: object = {}): Promise<any> {
  const reply = await demo.call('nova', 'POST', '/v2.1/servers', { server: { name, imageRef: image, flavorRef: '42', networks: [{ uuid: network }], ...more } })
  assert.equal(reply.status, 202, JSON.stringify(reply.body))
  return until(async () => {
    const { server } = (await demo.call('nova', 'GET', `/v2.1/servers/${reply.body.server.id}`)).body
    return server.status === 'BUILD' ? undefined : server
  })
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 1500; tries++) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await sleep(10)
  }
  throw new Error('it did not come true within 15 s')
}

const withVolume = (image: string) => ({
  block_device_mapping_v2: [
    { source_type: 'image', destination_type: 'local', uuid: image, boot_index: 0, delete_on_termination: true },
    { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
  ],
})

for (const sockets of [false, true]) {
  test(`a server with a network and a volume comes and goes without a trace, ${sockets ? 'over sockets' : 'in one process'}`, async (t) => {
    const prepared = await prepare(t, sockets)
    const { demo, admin, image } = prepared
    const before = await leftovers(admin)
    const server = await boot(prepared, 'first', withVolume(image))
    assert.deepEqual([server.status, server.fault], ['ACTIVE', undefined])
    assert.match(server.addresses.private[0].addr, /^10\.1\.0\./)
    assert.equal(server['os-extended-volumes:volumes_attached'].length, 1)
    assert.equal((await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes/detail`)).body.volumes[0].status, 'in-use')

    assert.equal((await demo.call('nova', 'DELETE', `/v2.1/servers/${server.id}`)).status, 204)
    await until(async () => ((await demo.call('nova', 'GET', `/v2.1/servers/${server.id}`)).status === 404 ? true : undefined))
    await until(async () => ((await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes`)).body.volumes.length === 0 ? true : undefined))
    assert.deepEqual(await leftovers(admin), before)
  })
}

/** What a gone server could have left: ports of servers, allocations. */
async function leftovers(admin: Session): Promise<unknown> {
  const { ports } = (await admin.call('neutron', 'GET', '/v2.0/ports')).body
  const { resource_providers: providers } = (await admin.call('placement', 'GET', '/resource_providers')).body
  const usages = await Promise.all(providers.map(async ({ uuid }: { uuid: string }) => (await admin.call('placement', 'GET', `/resource_providers/${uuid}/usages`)).body.usages))
  return { ports: ports.filter((port: { device_owner: string }) => port.device_owner.startsWith('compute:')).length, usages }
}

test('the boot of a server with one new volume passes through all 51 steps, each after those whose result it needs', async (t) => {
  const prepared = await prepare(t, false)
  const server = await boot(prepared, 'traced', withVolume(prepared.image))
  assert.equal(server.status, 'ACTIVE')
  const { cloud } = prepared
  const head = await until(async () => {
    const found = await cloud.trace.find(server.id)
    return found?.outcome === undefined ? undefined : found
  })
  const spans = await cloud.trace.spans(head.traceId)
  const first = new Map<number, number>()
  const ended = new Map<number, number>()
  for (const span of spans) {
    first.set(span.step, Math.min(first.get(span.step) ?? Infinity, span.startedAt))
    ended.set(span.step, Math.max(ended.get(span.step) ?? 0, span.startedAt + span.durationMs))
  }
  assert.deepEqual(bootFlow.map((step) => step.number).filter((number) => !first.has(number)), [])
  assert.deepEqual(spans.filter((span) => span.outcome === 'failed' || span.outcome === 'skipped'), [])

  // Milliseconds are the clock's grain; a step may begin in the one in which what it needs ended.
  const follows = (later: number, earlier: number) => assert.ok((first.get(later) ?? 0) + 2 >= (first.get(earlier) ?? Infinity), `step ${later} began before step ${earlier}`)
  for (const chain of [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19], [19, 20, 21, 22, 23, 24, 25, 26, 27], [19, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38], [19, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50]]) {
    chain.slice(1).forEach((later, at) => follows(later, chain[at] ?? 0))
  }
  for (const need of [27, 38, 50]) follows(51, need)
})

test('a boot without a volume shows the steps of the volume as skipped, never as done', async (t) => {
  const prepared = await prepare(t, false)
  const server = await boot(prepared, 'plain')
  const head = await until(async () => {
    const found = await prepared.cloud.trace.find(server.id)
    return found?.outcome === undefined ? undefined : found
  })
  const spans = await prepared.cloud.trace.spans(head.traceId)
  const volumeSteps = spans.filter((span) => span.step >= 39 && span.step <= 50)
  assert.ok(volumeSteps.length > 0)
  assert.deepEqual([...new Set(volumeSteps.map((span) => span.outcome))], ['skipped'])
})

test('a token check that the cache answers says so', async (t) => {
  const prepared = await prepare(t, false)
  await boot(prepared, 'one')
  const server = await boot(prepared, 'two')
  const head = await until(async () => prepared.cloud.trace.find(server.id))
  const check = (await prepared.cloud.trace.spans(head.traceId)).find((span) => span.step === 4)
  assert.deepEqual([check?.outcome, check?.detail], ['cached', 'verdict served from the cache of this role'])
})

test('a host that has the image already is still shown asking glance for it', async (t) => {
  const prepared = await prepare(t, false)
  await boot(prepared, 'one')
  const server = await boot(prepared, 'two')
  const head = await until(async () => {
    const found = await prepared.cloud.trace.find(server.id)
    return found?.outcome === undefined ? undefined : found
  })
  const spans = (await prepared.cloud.trace.spans(head.traceId)).filter((span) => span.step >= 20 && span.step <= 27)
  assert.deepEqual(spans.map((span) => span.step).sort((a, b) => a - b), [20, 21, 22, 23, 24, 25, 26, 27])
  assert.deepEqual(spans.filter((span) => span.step >= 26).map((span) => span.outcome), ['cached', 'cached'])
})
