// What other projects write of a server, on ports and attachments of their own, does not touch it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boot, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'

const unknown = '11111111-2222-4333-8444-555555555555'

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

test('a volume of another project is not there for a server: neither to boot from, nor beside its disk, nor to attach', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const mallory = await bench.cloud.login('stranger')
  const { volume } = must(await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, imageRef: bench.imageId } }), 202)
  const shown = async () => must(await demo.call('cinder', 'GET', `/v3/volumes/${volume.id}`), 200).volume
  await until('the volume is there', async () => (await shown()).status === 'available')
  const disk = (uuid: string, index: number) => ({ source_type: 'volume', destination_type: 'volume', uuid, boot_index: index })
  const image = { source_type: 'image', destination_type: 'local', uuid: bench.imageId, boot_index: 0 }
  const make = async (session: typeof demo, more: object) => {
    const { status, body } = await session.call('nova', 'POST', '/v2.1/servers', { server: { name: 'one', flavorRef: '1', ...more } })
    return [status, body.badRequest?.message]
  }
  for (const request of [
    (id: string) => ({ block_device_mapping_v2: [disk(id, 0)] }),
    (id: string) => ({ imageRef: bench.imageId, block_device_mapping_v2: [image, disk(id, -1)] }),
    (id: string) => ({ block_device_mapping: [{ device_name: 'vda', volume_id: id }] }),
  ]) {
    assert.deepEqual(await make(mallory, request(volume.id)), [400, `Block Device Mapping is Invalid: failed to get volume ${volume.id}.`])
    assert.deepEqual(await make(mallory, request(unknown)), [400, `Block Device Mapping is Invalid: failed to get volume ${unknown}.`])
  }
  const { network } = must(await mallory.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'own' } }), 201)
  must(await mallory.call('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.66.0.0/24' } }), 201)
  const id = await boot(bench, { networks: [{ uuid: network.id }] }, mallory)
  await untilStatus(mallory, id, 'ACTIVE')
  assert.equal((await mallory.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })).status, 404)
  assert.deepEqual([(await shown()).status, (await shown()).attachments], ['available', []])
  assert.equal((await make(demo, { networks: [{ uuid: bench.networkId }], block_device_mapping_v2: [disk(volume.id, 0)] }))[0], 202, 'its own project boots from it')
})

test('a private flavor is not there for a project without access, though it knows its id', async (t) => {
  const bench = await startBench(t)
  const { admin, demo } = bench
  must(await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'secret', name: 'secret', ram: 512, vcpus: 1, disk: 1, 'os-flavor-access:is_public': false } }), 200)
  const make = async (flavorRef: string) => {
    const { status, body } = await demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'one', imageRef: bench.imageId, flavorRef, networks: [{ uuid: bench.networkId }] } })
    return [status, body.badRequest?.message]
  }
  assert.deepEqual(await make('secret'), [400, 'Flavor secret could not be found.'])
  assert.deepEqual(await make('nowhere'), [400, 'Flavor nowhere could not be found.'])
  must(await admin.call('nova', 'POST', '/v2.1/flavors/secret/action', { addTenantAccess: { tenant: demo.projectId } }), 200)
  assert.equal((await make('secret'))[0], 202)
})
