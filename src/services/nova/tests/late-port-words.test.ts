// What is said of a port comes a second time, or late: when the port is elsewhere, or its server has failed or is gone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiRequest } from '#core/http'
import { type Bench, boot, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'

/** Nova's changes of a port as neutron gets them; those that `lost` names do not arrive. */
function overhear({ cloud }: Bench, lost: (request: ApiRequest) => boolean = () => false) {
  const said: ApiRequest[] = []
  const { transport } = cloud.services.neutron
  Object.assign(cloud.services.neutron, {
    transport: async (request: ApiRequest) => {
      if (request.method !== 'PUT' || !request.path.startsWith('/v2.0/ports/')) return transport(request)
      said.push(request)
      if (lost(request)) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
      return transport(request)
    },
  })
  return { said, again: (request: ApiRequest) => transport(request) }
}

const givenPort = async ({ demo, networkId }: Bench): Promise<string> => must(await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: networkId } }), 201).port.id
const deviceOf = async ({ admin }: Bench, port: string): Promise<string> => must(await admin.call('neutron', 'GET', `/v2.0/ports/${port}`), 200).port.device_id

test('a port that has become another server’s stays with it, though the word to let it go comes a second time', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const port = await givenPort(bench)
  const { said, again } = overhear(bench)
  const first = await boot(bench, { networks: [{ port }] })
  await untilStatus(demo, first, 'ACTIVE')
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${first}`), 204)
  await untilGone(demo, first)
  const letGo = said.at(-1)
  const second = await boot(bench, { networks: [{ port }] })
  await untilStatus(demo, second, 'ACTIVE')
  assert.ok(letGo)
  assert.equal((await again(letGo)).status, 412)
  assert.equal(await deviceOf(bench, port), second)
})

test('a port of which nobody heard that the failed server got it is free, however late that comes', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const { said, again } = overhear(bench, (request) => said.length === 1 && request === said[0])
  const id = await boot(bench, { networks: [{ port }] })
  await until('the build failed', async () => (await show(bench.demo, id)).status === 'ERROR')
  const [bind] = said
  assert.ok(bind)
  assert.equal((await again(bind)).status, 409)
  assert.equal(await deviceOf(bench, port), '')
})

test('a server that was deleted while its interfaces were looked up has none left over', async (t) => {
  const bench = await startBench(t)
  const { cloud: { bus, services }, admin, demo } = bench
  const bare = { name: 'bare', imageRef: bench.imageId, flavorRef: '1', networks: 'none' }
  const { id } = must(await demo.call('nova', 'POST', '/v2.1/servers', { server: bare }, { 'openstack-api-version': 'compute 2.37' }), 202).server
  await untilStatus(demo, id, 'ACTIVE')
  const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { transport } = services.neutron
  Object.assign(services.neutron, {
    async transport(request: ApiRequest) {
      const answer = await transport(request)
      if (request.path !== '/v2.0/floatingips') return answer
      reached.resolve()
      await held.promise
      return answer
    },
  })
  const lookups: Promise<unknown>[] = []
  const { send } = bus
  Object.assign(bus, {
    async send(...sent: Parameters<typeof send>) {
      const taken = await send.apply(bus, sent)
      if (sent[2].method === 'refreshPorts') lookups.push(taken.answer)
      return taken
    },
  })
  must(await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: bench.networkId, device_id: id } }), 201)
  must(await admin.call('nova', 'POST', '/v2.1/os-server-external-events', { events: [{ server_uuid: id, name: 'network-changed' }] }), 200)
  await reached.promise
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  held.resolve()
  await Promise.all(lookups)
  const { servers: [deleted] } = must(await admin.call('nova', 'GET', `/v2.1/servers/detail?all_tenants=true&deleted=true&uuid=${id}`), 200)
  assert.deepEqual([deleted.id, deleted.addresses], [id, {}])
})
