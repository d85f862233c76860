// What tests of servers stand on: a cloud with all services and fake drivers, a flavor, an image, a network.
import type { TestContext } from 'node:test'
import { type Answered, type Session, startCloud, type TestCloud, type TestCloudOptions } from '../../../app/testing/index.ts'
import { type FakePlayground, fakePlayground } from '../host/driver.ts'

export interface Bench {
  readonly cloud: TestCloud
  readonly admin: Session
  readonly demo: Session
  readonly imageId: string
  readonly networkId: string
  readonly subnetId: string
  readonly playground: FakePlayground
}

export function must(answered: Answered, ...statuses: number[]): any {
  if (!statuses.includes(answered.status)) throw new Error(`answered ${answered.status}, not ${statuses.join(' or ')}: ${JSON.stringify(answered.body)}`)
  return answered.body
}

export async function startBench(t: TestContext, options: TestCloudOptions = {}): Promise<Bench> {
  const cloud = await startCloud(t, ['placement', 'glance', 'neutron', 'cinder', 'nova'], options)
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  must(await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: '1', name: 'm1.tiny', ram: 512, vcpus: 1, disk: 1 } }), 200)
  const image = must(await admin.call('glance', 'POST', '/v2/images', { name: 'tiny', disk_format: 'raw', container_format: 'bare', visibility: 'public' }), 201)
  must(await admin.call('glance', 'PUT', `/v2/images/${image.id}/file`, 'x'.repeat(1024), { 'content-type': 'application/octet-stream' }), 204)
  const { network } = must(await demo.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'private' } }), 201)
  // Addresses that tests ask for lie outside of the pool: DHCP takes any of it.
  const pool = { start: '10.0.0.100', end: '10.0.0.250' }
  const { subnet } = must(await demo.call('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24', allocation_pools: [pool] } }), 201)
  return {
    cloud, admin, demo, imageId: image.id, networkId: network.id, subnetId: subnet.id,
    playground: fakePlayground(cloud.dataDirectory, 'host-1'),
  }
}

/** Ask again and again until it is so. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>, seconds = 10): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const found = await ask()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`this did not come to be within ${seconds} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export async function boot(bench: Bench, more: Readonly<Record<string, unknown>> = {}, session = bench.demo): Promise<string> {
  const answered = await session.call('nova', 'POST', '/v2.1/servers', {
    server: { name: 'one', imageRef: bench.imageId, flavorRef: '1', networks: [{ uuid: bench.networkId }], ...more },
  })
  return must(answered, 202).server.id
}

export async function show(session: Session, id: string, version = '2.93'): Promise<any> {
  const answered = await session.call('nova', 'GET', `/v2.1/servers/${id}`, undefined, { 'openstack-api-version': `compute ${version}` })
  return answered.status === 404 ? undefined : must(answered, 200).server
}

/** The server once it has a status; one that ends in ERROR instead says why. */
export async function untilStatus(session: Session, id: string, status: string): Promise<any> {
  return until(`server ${id} is ${status}`, async () => {
    const server = await show(session, id)
    if (server?.status === 'ERROR' && status !== 'ERROR') throw new Error(`server ${id} is in ERROR: ${JSON.stringify(server.fault)}`)
    return server?.status === status && server['OS-EXT-STS:task_state'] === null ? server : undefined
  })
}

export async function untilGone(session: Session, id: string): Promise<void> {
  await until(`server ${id} is gone`, async () => (await show(session, id)) === undefined)
}

/** Calls of a method of another role do not go out until they are let go. @returns what lets them go */
export function holdCalls({ cloud: { bus } }: Bench, method: string): () => void {
  const { send } = bus
  const held = Promise.withResolvers<void>()
  Object.assign(bus, {
    async send(...sent: Parameters<typeof send>) {
      if (sent[2].method === method) await held.promise
      return send.apply(bus, sent)
    },
  })
  return held.resolve
}
