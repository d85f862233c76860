// Ports that are taken from their servers in neutron, and given to others.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bench, boot, must, show, startBench, until, untilStatus } from './bench.ts'

const givenPort = async ({ demo, networkId }: Bench): Promise<string> => must(await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: networkId } }), 201).port.id
const clear = async ({ demo }: Bench, port: string) => must(await demo.call('neutron', 'PUT', `/v2.0/ports/${port}`, { port: { device_id: '', device_owner: '' } }), 200)
const attach = ({ demo }: Bench, id: string, port: string) => demo.call('nova', 'POST', `/v2.1/servers/${id}/os-interface`, { interfaceAttachment: { port_id: port } })
const isPlugged = ({ playground }: Bench, id: string, port: string) => playground.world?.guests.get(id)?.spec.ports.some(({ portId }) => portId === port)
/** As nova itself knows it: os-interface shows what neutron has. */
const addresses = async ({ demo }: Bench, id: string) => Object.values((await show(demo, id)).addresses).flat().length

/** Nova is not told that servers lost ports. @returns what lets it be told */
function holdWords({ cloud }: Bench): () => void {
  const held = Promise.withResolvers<void>()
  const { transport } = cloud.services.nova
  Object.assign(cloud.services.nova, {
    async transport(request: Parameters<typeof transport>[0]) {
      if (JSON.stringify(request).includes('network-vif-deleted')) await held.promise
      return transport(request)
    },
  })
  return held.resolve
}

async function running(bench: Bench, networks: readonly object[]): Promise<string> {
  const id = await boot(bench, { networks })
  await untilStatus(bench.demo, id, 'ACTIVE')
  return id
}

test('a server is without a port, and so is its guest, once the port was taken from it in neutron', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const id = await running(bench, [{ port }, { uuid: bench.networkId }])
  await clear(bench, port)
  await until('the server is without it', async () => (await addresses(bench, id)) === 1)
  assert.equal(isPlugged(bench, id, port), false)
  assert.equal(must(await bench.demo.call('neutron', 'GET', `/v2.0/ports/${port}`), 200).port.device_id, '')
})

test('a port that was taken from a server in neutron can be plugged into another one at once', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const [former, next] = [await running(bench, [{ port }]), await running(bench, [])]
  const letGo = holdWords(bench)
  await clear(bench, port)
  must(await attach(bench, next, port), 200)
  assert.deepEqual([isPlugged(bench, former, port), isPlugged(bench, next, port)], [false, true])
  assert.deepEqual([await addresses(bench, former), await addresses(bench, next)], [0, 2])
  letGo()
  await until('all is done', async () => must(await bench.admin.call('neutron', 'GET', '/v1/operations?open=true&all_projects=true'), 200).operations.length === 0)
  assert.deepEqual([isPlugged(bench, former, port), isPlugged(bench, next, port)], [false, true])
})

test('a server can be booted with a port that was taken from another one in neutron', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const former = await running(bench, [{ port }])
  const letGo = holdWords(bench)
  await clear(bench, port)
  const next = await running(bench, [{ port }])
  assert.deepEqual([isPlugged(bench, former, port), isPlugged(bench, next, port)], [false, true])
  letGo()
})

test('a port that was taken from a server in neutron and is given back to it stays plugged in', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const id = await running(bench, [{ port }])
  // The guest is asked to let go of it while it is given back.
  const reached = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  bench.playground.before = async (method) => {
    if (method !== 'detachInterface') return
    reached.resolve()
    await held.promise
  }
  await clear(bench, port)
  await reached.promise
  const attached = attach(bench, id, port)
  // Were it the server's again before that is over, the guest would lose it afterwards.
  const isGiven = async () => must(await bench.demo.call('neutron', 'GET', `/v2.0/ports/${port}`), 200).port.device_id === id
  await assert.rejects(until('the port is given back', isGiven, 0.5))
  held.resolve()
  must(await attached, 200)
  await until('all is done', async () => must(await bench.admin.call('nova', 'GET', `/v1/operations?resource=${id}&all_projects=true&open=true`), 200).operations.length === 0)
  assert.deepEqual([isPlugged(bench, id, port), await addresses(bench, id)], [true, 1])
})

test('a port that is another server’s is still refused', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const [owner, next] = [await running(bench, [{ port }]), await running(bench, [])]
  const refused = await attach(bench, next, port)
  assert.deepEqual([refused.status, isPlugged(bench, owner, port), isPlugged(bench, next, port)], [409, true, false])
})
