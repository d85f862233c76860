// Ports that are deleted behind nova's back leave their servers, and the guests, whatever was going on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bench, boot, must, show, startBench, until, untilStatus } from './bench.ts'

async function givenPort({ demo, networkId }: Bench): Promise<string> {
  return must(await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: networkId } }), 201).port.id
}

const interfaces = async ({ demo }: Bench, id: string): Promise<string[]> =>
  must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-interface`), 200).interfaceAttachments.map((each: any) => each.port_id)
/** As nova itself knows it: os-interface shows what neutron has. */
const isLeftWith = (bench: Bench, id: string, count: number) =>
  until('the server is without it', async () => Object.values((await show(bench.demo, id)).addresses).flat().length === count)
const plugged = ({ playground }: Bench, id: string) => playground.world?.guests.get(id)?.spec.ports.map(({ portId }) => portId)

/** One is built, and stands before this call of its hypervisor until told to go on. */
async function heldAt(bench: Bench, method: string, networks: readonly object[]): Promise<{ id: string; goOn(): void }> {
  const reached = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  bench.playground.before = async (called) => {
    if (called !== method) return
    reached.resolve()
    await held.promise
  }
  const id = await boot(bench, { networks })
  await reached.promise
  return { id, goOn: () => held.resolve() }
}

test('a server whose port was deleted while its image was fetched is built without it', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const { id, goOn } = await heldAt(bench, 'prepareImage', [{ port }, { uuid: bench.networkId }])
  must(await bench.demo.call('neutron', 'DELETE', `/v2.0/ports/${port}`), 204)
  await until('neutron is done with it', async () => must(await bench.admin.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports.length === 1)
  goOn()
  await untilStatus(bench.demo, id, 'ACTIVE')
  await isLeftWith(bench, id, 1)
  const left = await interfaces(bench, id)
  assert.deepEqual([left.length, plugged(bench, id)], [1, left])
})

test('a server whose port was deleted while its guest was started is without it as soon as it runs', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const { id, goOn } = await heldAt(bench, 'spawn', [{ port }, { uuid: bench.networkId }])
  must(await bench.demo.call('neutron', 'DELETE', `/v2.0/ports/${port}`), 204)
  goOn()
  await untilStatus(bench.demo, id, 'ACTIVE')
  await isLeftWith(bench, id, 1)
  assert.deepEqual(plugged(bench, id), await interfaces(bench, id))
})

test('a server whose only port was never wired, and was deleted, does not wait for it', async (t) => {
  const bench = await startBench(t, { config: { nova: { vif_plugging_timeout: 300 } } })
  const port = must(await bench.demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: bench.networkId, admin_state_up: false } }), 201).port.id
  const { id, goOn } = await heldAt(bench, 'prepareImage', [{ port }])
  goOn()
  await until('the port is the server’s', async () => must(await bench.admin.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports.length === 1)
  must(await bench.demo.call('neutron', 'DELETE', `/v2.0/ports/${port}`), 204)
  await untilStatus(bench.demo, id, 'ACTIVE')
  await isLeftWith(bench, id, 0)
  assert.deepEqual(plugged(bench, id), [])
})

test('a server whose guest does not let go of a deleted port at once is without it in the end, also when another one changes meanwhile', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const id = await boot(bench, { networks: [{ port }, { uuid: bench.networkId }] })
  await untilStatus(bench.demo, id, 'ACTIVE')
  let refusals = 0
  bench.playground.before = (method) => {
    if (method === 'detachInterface' && refusals++ < 2) throw new Error('the guest is busy')
  }
  must(await bench.demo.call('neutron', 'DELETE', `/v2.0/ports/${port}`), 204)
  const [other] = (await interfaces(bench, id)).filter((each) => each !== port)
  must(await bench.demo.call('neutron', 'PUT', `/v2.0/ports/${other}`, { port: { fixed_ips: [{ subnet_id: bench.subnetId, ip_address: '10.0.0.77' }] } }), 200)
  await isLeftWith(bench, id, 1)
  assert.deepEqual([plugged(bench, id), refusals], [[other], 3])
})

test('a hard reboot that overtakes a soft one does not give a deleted port back to the guest', async (t) => {
  const bench = await startBench(t)
  const port = await givenPort(bench)
  const id = await boot(bench, { networks: [{ port }, { uuid: bench.networkId }] })
  await untilStatus(bench.demo, id, 'ACTIVE')
  const reached = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  bench.playground.before = async (method) => {
    if (method !== 'attachInterface') return
    reached.resolve()
    await held.promise
  }
  const attached = bench.demo.call('nova', 'POST', `/v2.1/servers/${id}/os-interface`, { interfaceAttachment: { net_id: bench.networkId } })
  await reached.promise
  must(await bench.demo.call('neutron', 'DELETE', `/v2.0/ports/${port}`), 204)
  await until('nova knows', async () => {
    const { operations } = must(await bench.admin.call('nova', 'GET', `/v1/operations?resource=${id}&all_projects=true`), 200)
    return operations.some((each: { kind: string }) => each.kind === 'server.lose-interface')
  })
  for (const type of ['SOFT', 'HARD']) must(await bench.demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { reboot: { type } }), 202)
  held.resolve()
  await attached
  await untilStatus(bench.demo, id, 'ACTIVE')
  await isLeftWith(bench, id, (await interfaces(bench, id)).length)
  assert.deepEqual(plugged(bench, id)?.sort(), (await interfaces(bench, id)).sort())
})

test('an interface whose removal is asked for twice is gone from the server and its guest, though the guest refuses the first time', async (t) => {
  const bench = await startBench(t)
  const id = await boot(bench)
  await untilStatus(bench.demo, id, 'ACTIVE')
  const [port] = await interfaces(bench, id)
  const reached = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  let calls = 0
  bench.playground.before = async (method) => {
    if (method !== 'detachInterface' || calls++ > 0) return
    reached.resolve()
    await held.promise
    throw new Error('the guest is busy')
  }
  const remove = async () => must(await bench.demo.call('nova', 'DELETE', `/v2.1/servers/${id}/os-interface/${port}`), 202)
  await remove()
  await reached.promise
  const open = async (): Promise<unknown[]> => must(await bench.admin.call('nova', 'GET', `/v1/operations?resource=${id}&all_projects=true&open=true`), 200).operations
  for (let count = 0; count < 3; count++) await remove()
  assert.equal((await open()).length, 2, 'who asks ever again gets no queue of their own')
  held.resolve()
  await isLeftWith(bench, id, 0)
  await until('all is done', async () => (await open()).length === 0)
  assert.deepEqual([plugged(bench, id), calls], [[], 2])
})
