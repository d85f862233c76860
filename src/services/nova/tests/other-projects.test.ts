// What other projects write of a server, on ports and attachments of their own, does not touch it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boot, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'

test('a port of another project that names a server is not plugged into it, whatever neutron announces of it', async (t) => {
  const bench = await startBench(t)
  const { admin, demo } = bench
  const id = await boot(bench)
  const server = await untilStatus(demo, id, 'ACTIVE')
  const mallory = await bench.cloud.login('stranger')
  const { network } = must(await mallory.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'trap' } }), 201)
  const { subnet } = must(await mallory.call('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.66.0.0/24' } }), 201)
  const { port } = must(await mallory.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: network.id, device_id: id, device_owner: 'compute:nova' } }), 201)
  must(await mallory.call('neutron', 'PUT', `/v2.0/ports/${port.id}`, { port: { fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.66.0.66' }] } }), 200)
  // A change of the server's own port is announced later, and so taken later.
  const { ports: [own] } = must(await demo.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200)
  must(await demo.call('neutron', 'PUT', `/v2.0/ports/${own.id}`, { port: { fixed_ips: [{ subnet_id: bench.subnetId, ip_address: '10.0.0.77' }] } }), 200)
  const addresses = await until('the new address is known', async () => {
    const shown = (await show(demo, id)).addresses
    return JSON.stringify(shown) !== JSON.stringify(server.addresses) && JSON.stringify(shown).includes('10.0.0.77') && shown
  })
  assert.deepEqual(Object.keys(addresses), ['private'])
  must(await admin.call('nova', 'POST', '/v2.1/os-server-external-events', { events: [{ server_uuid: id, name: 'network-changed' }] }), 200)
  const { interfaceAttachments } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-interface`), 200)
  assert.deepEqual(interfaceAttachments.map((each: any) => each.port_id), [own.id])
})

test('a server is deleted, whatever ports of other projects name it', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const mallory = await bench.cloud.login('stranger')
  const { network } = must(await mallory.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'trap' } }), 201)
  const { subnet } = must(await mallory.call('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.66.0.0/24' } }), 201)
  const { router } = must(await mallory.call('neutron', 'POST', '/v2.0/routers', { router: { name: 'trap' } }), 201)
  // Neutron deletes no interface of a router.
  const { port_id: portId } = must(await mallory.call('neutron', 'PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }), 200)
  must(await mallory.call('neutron', 'PUT', `/v2.0/ports/${portId}`, { port: { device_id: id } }), 200)
  const { port } = must(await mallory.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: network.id, device_id: id, device_owner: 'compute:nova' } }), 201)
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  for (const each of [portId, port.id]) assert.equal((await mallory.call('neutron', 'GET', `/v2.0/ports/${each}`)).status, 200)
  assert.deepEqual(must(await demo.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports, [])
})

test("a server's deletion leaves the attachments of other projects alone that name it", async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const id = await boot(bench, {
    block_device_mapping_v2: [
      { source_type: 'image', uuid: bench.imageId, destination_type: 'local', boot_index: 0 },
      { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
    ],
  })
  await untilStatus(demo, id, 'ACTIVE')
  const mallory = await bench.cloud.login('stranger')
  const { volume } = must(await mallory.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } }), 202)
  await until('the volume is there', async () => must(await mallory.call('cinder', 'GET', `/v3/volumes/${volume.id}`), 200).volume.status === 'available')
  const at = { 'openstack-api-version': 'volume 3.27' }
  const { attachment } = must(await mallory.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: volume.id, instance_uuid: id } }, at), 200)
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  must(await mallory.call('cinder', 'GET', `/v3/attachments/${attachment.id}`, undefined, at), 200)
  await until('its own volume is gone', async () => must(await demo.call('cinder', 'GET', '/v3/volumes'), 200).volumes.length === 0)
})
