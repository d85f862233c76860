// Servers through the front door: what a request may say, what each version shows, who may see what, and how lists are cut.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boot, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'

const unknown = '11111111-2222-4333-8444-555555555555'
const version = (text: string) => ({ 'openstack-api-version': `compute ${text}` })

test('a server is shown as upstream shows it, in each version', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  const id = await boot(bench, { metadata: { colour: 'red' } })
  await untilStatus(demo, id, 'ACTIVE')
  const oldest = await show(demo, id, '2.1')
  const { created, updated, hostId, addresses, 'OS-SRV-USG:launched_at': launched, ...rest } = oldest
  assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.match(updated, /Z$/)
  assert.match(launched, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
  assert.match(hostId, /^[0-9a-f]{56}$/)
  const [address] = addresses.private
  assert.deepEqual({ ...address, addr: '', 'OS-EXT-IPS-MAC:mac_addr': '' }, { version: 4, addr: '', 'OS-EXT-IPS:type': 'fixed', 'OS-EXT-IPS-MAC:mac_addr': '' })
  const origin = oldest.links[0].href.replace(`/v2.1/servers/${id}`, '')
  assert.deepEqual(rest, {
    id, name: 'one', status: 'ACTIVE', tenant_id: demo.projectId, user_id: demo.userId, metadata: { colour: 'red' },
    image: { id: bench.imageId, links: [{ rel: 'bookmark', href: `${origin}/images/${bench.imageId}` }] },
    flavor: { id: '1', links: [{ rel: 'bookmark', href: `${origin}/flavors/1` }] },
    links: [{ rel: 'self', href: `${origin}/v2.1/servers/${id}` }, { rel: 'bookmark', href: `${origin}/servers/${id}` }],
    accessIPv4: '', accessIPv6: '', progress: 0, 'OS-DCF:diskConfig': 'MANUAL', 'OS-EXT-AZ:availability_zone': 'nova', config_drive: '', key_name: null,
    'OS-SRV-USG:terminated_at': null, security_groups: [{ name: 'default' }], 'OS-EXT-STS:task_state': null, 'OS-EXT-STS:vm_state': 'active', 'OS-EXT-STS:power_state': 1,
    'os-extended-volumes:volumes_attached': [],
  })
  const keys = async (text: string, session = demo) => Object.keys(await show(session, id, text))
  const added = async (before: string, after: string, session = demo) => (await keys(after, session)).filter(((known) => (key: string) => !known.includes(key))(await keys(before, session)))
  assert.deepEqual(await added('2.1', '2.9'), ['locked'])
  assert.deepEqual(await added('2.9', '2.19'), ['description'])
  assert.deepEqual(await added('2.19', '2.26'), ['tags'])
  assert.deepEqual(await added('2.26', '2.63'), ['trusted_image_certificates'])
  assert.deepEqual(await added('2.63', '2.71'), ['server_groups'])
  assert.deepEqual(await added('2.71', '2.73'), ['locked_reason'])
  assert.deepEqual(await added('2.73', '2.90'), ['OS-EXT-SRV-ATTR:hostname'])
  assert.deepEqual((await show(demo, id, '2.47')).flavor, { vcpus: 1, ram: 512, disk: 1, ephemeral: 0, swap: 0, original_name: 'm1.tiny', extra_specs: {} })
  const seen = await show(admin, id, '2.16')
  assert.deepEqual([seen['OS-EXT-SRV-ATTR:host'], seen['OS-EXT-SRV-ATTR:instance_name'], seen['OS-EXT-SRV-ATTR:hostname'], seen.host_status], ['host-1', 'instance-00000001', 'one', 'UP'])
  assert.equal((await show(demo, id, '2.1')).description, undefined)
})

test('a client of the v2.0 API makes and sees a server as in v2.1, with links that stay in v2 and no fault for what it sends too much, be it spaces around a name', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  const latest = version('latest')
  const made = must(await demo.call('nova', 'POST', `/v2/${demo.projectId}/servers`, { server: { name: ' old ', imageRef: bench.imageId, flavorRef: '1', networks: [{ uuid: bench.networkId, zone: 1 }], colour: 'red', metadata: { any: 'key' } }, more: 1 }, latest), 202).server
  await untilStatus(demo, made.id, 'ACTIVE')
  const { server } = must(await demo.call('nova', 'GET', `/v2/${demo.projectId}/servers/${made.id}`, undefined, latest), 200)
  const old = must(await demo.call('nova', 'GET', `/v2.1/${demo.projectId}/servers/${made.id}`), 200).server
  assert.deepEqual(server, { ...old, name: 'old', links: server.links })
  must(await demo.call('nova', 'PUT', `/v2.1/servers/${made.id}`, { server: { name: ' old ' } }), 400)
  must(await demo.call('nova', 'PUT', `/v2/servers/${made.id}`, { server: { name: '  ' } }), 400)
  assert.equal(must(await demo.call('nova', 'POST', '/v2/os-keypairs', { keypair: { name: ' key ' } }), 200).keypair.name, 'key')
  const { aggregate } = must(await admin.call('nova', 'POST', '/v2/os-aggregates', { aggregate: { name: ' rack ', availability_zone: ' north ' } }), 200)
  assert.deepEqual([aggregate.name, aggregate.availability_zone], ['rack', 'north'])
  assert.deepEqual(server.links.map(({ href }: { href: string }) => new URL(href).pathname), [`/v2/${demo.projectId}/servers/${made.id}`, `/${demo.projectId}/servers/${made.id}`])
  must(await demo.call('nova', 'POST', `/v2/servers/${made.id}/metadata`, { metadata: { 'not a key!': 'x' } }), 400)
  must(await demo.call('nova', 'PUT', `/v2.1/servers/${made.id}`, { server: { name: 'new', colour: 'red' } }), 400)
  const type = (text: string) => demo.call('nova', 'PUT', `/v2.1/servers/${made.id}`, { server: { name: 'new' } }, { 'content-type': text })
  assert.deepEqual([(await type('application/vnd.openstack.compute+json')).status, (await type('application/vnd.openstack.image+json')).status], [200, 415])
  must(await demo.call('nova', 'DELETE', `/v2/servers/${made.id}`), 204)
})

test('what a request names must be there, and fit together', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const refused = async (more: object, text = '2.93', session = demo) => {
    const answered = await session.call('nova', 'POST', '/v2.1/servers', {
      server: { name: 'x', imageRef: bench.imageId, flavorRef: '1', networks: [{ uuid: bench.networkId }], ...more },
    }, version(text))
    const [kind] = Object.keys(answered.body)
    return [answered.status, kind, (answered.body as Record<string, { message: string }>)[kind ?? '']?.message]
  }
  assert.deepEqual(await refused({ imageRef: unknown }), [400, 'badRequest', 'Can not find requested image'])
  assert.deepEqual(await refused({ flavorRef: 'none' }), [400, 'badRequest', 'Flavor none could not be found.'])
  assert.deepEqual(await refused({ networks: [{ uuid: unknown }] }), [400, 'badRequest', `Network ${unknown} could not be found.`])
  assert.deepEqual(await refused({ networks: [{ port: unknown }] }), [400, 'badRequest', `Port id ${unknown} could not be found.`])
  assert.deepEqual(await refused({ key_name: 'none' }), [400, 'badRequest', 'Invalid key_name provided.'])
  assert.deepEqual(await refused({ security_groups: [{ name: 'none' }] }), [400, 'badRequest', `Security group none not found for project ${demo.projectId}.`])
  assert.deepEqual(await refused({ imageRef: undefined }), [400, 'badRequest', 'Missing imageRef attribute'])
  assert.deepEqual(await refused({ availability_zone: 'moon' }), [400, 'badRequest', 'The requested availability zone is not available'])
  assert.deepEqual(await refused({ min_count: 3, max_count: 2 }), [400, 'badRequest', 'min_count must be <= max_count'])
  assert.deepEqual((await refused({ availability_zone: 'nova:host-1' })).slice(0, 2), [403, 'forbidden'])
  assert.deepEqual((await refused({ networks: undefined }))[0], 400)
  assert.deepEqual((await refused({ unknown: 1 })).slice(0, 2), [400, 'badRequest'])
  for (const name of ['', ' ', 'x'.repeat(256), 7, 'a\u0000b', 'a\u200db', 'a\u2028b', '\u{1f600}']) assert.equal((await refused({ name }))[0], 400, `name ${String(name)}`)
  assert.equal((await refused({ user_data: 'not base64!' }))[0], 400)
  assert.equal((await refused({ metadata: { ['k'.repeat(256)]: 'v' } }))[0], 400)
  assert.equal((await refused({ block_device_mapping_v2: [{ source_type: 'volume', uuid: unknown, destination_type: 'volume', boot_index: 0 }], imageRef: '' }))[0], 400)
  const root = { source_type: 'image', destination_type: 'local', uuid: bench.imageId, boot_index: 0 }
  const blank = { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1 }
  const disordered = [400, 'badRequest', 'Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.']
  assert.deepEqual(await refused({ block_device_mapping_v2: [root, { ...blank, boot_index: 2 }] }), disordered)
  assert.deepEqual(await refused({ block_device_mapping_v2: [blank] }), disordered, 'who names disks names the image among them')
  assert.deepEqual(await refused({ imageRef: '', block_device_mapping: [{ volume_id: unknown, device_name: 'vdb' }] }), disordered)
  assert.deepEqual(await refused({ block_device_mapping_v2: [root, { ...blank, device_name: 'vda' }] }), [400, 'badRequest', 'The volume cannot be assigned the same device name as the root device vda'])
  assert.deepEqual(
    await refused({ block_device_mapping_v2: [root, { ...blank, volume_type: 'fast' }] }),
    [400, 'badRequest', 'Volume type fast could not be found.'],
  )
  const volume = { source_type: 'blank', destination_type: 'volume', volume_size: 1 }
  const most = Array.from({ length: 26 }, () => volume)
  assert.deepEqual(await refused({ block_device_mapping_v2: [root, ...most] }), [403, 'forbidden', 'The maximum allowed number of disk devices (26) to attach to a single instance has been exceeded.'])
  const large = must(await bench.admin.call('glance', 'POST', '/v2/images', { name: 'large', disk_format: 'raw', container_format: 'bare', visibility: 'public', min_disk: 2 }), 201).id
  must(await bench.admin.call('glance', 'PUT', `/v2/images/${large}/file`, 'x', { 'content-type': 'application/octet-stream' }), 204)
  assert.deepEqual(
    await refused({ imageRef: '', block_device_mapping_v2: [{ source_type: 'image', destination_type: 'volume', uuid: large, volume_size: 1, boot_index: 0 }] }),
    [400, 'badRequest', 'Volume is smaller than the minimum size specified in image metadata. Volume size is 1073741824 bytes, minimum size is 2147483648 bytes.'],
  )
  must(await bench.admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'disks', name: 'disks', ram: 512, vcpus: 1, disk: 1, swap: 512, 'OS-FLV-EXT-DATA:ephemeral': 2 } }), 200)
  const disks = (...devices: object[]) => refused({ flavorRef: 'disks', block_device_mapping_v2: [root, ...devices.map((device) => ({ source_type: 'blank', destination_type: 'local', boot_index: -1, ...device }))] })
  assert.deepEqual(await disks({ guest_format: 'swap', volume_size: 513 }), [400, 'badRequest', 'Swap drive requested is larger than instance type allows.'])
  assert.deepEqual(await disks({ volume_size: 1 }, { volume_size: 1 }), [400, 'badRequest', 'Block Device Mapping is Invalid: You specified more local devices than the limit allows'])
  assert.match(String((await disks({}, {}))[2]), /^Ephemeral disks requested are larger than the instance type allows/)
  assert.match(String((await disks({ guest_format: 'ntfs' }))[2]), /an ephemeral disk cannot be formatted with ntfs/)
  assert.equal((await refused({}, '2.93', await bench.cloud.login('reader')))[0], 403)
  must(await bench.admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'diskless', name: 'diskless', ram: 512, vcpus: 1, disk: 0 } }), 200)
  assert.deepEqual(await refused({ flavorRef: 'diskless' }), [403, 'forbidden', 'Only volume-backed servers are allowed for flavors with zero disk.'], 'an image as large as it likes')
  assert.deepEqual(must(await demo.call('nova', 'GET', '/v2.1/servers'), 200).servers, [])
})

test('swap space is asked for in MiB', async (t) => {
  const bench = await startBench(t)
  const { admin, demo, playground } = bench
  must(await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'swap', name: 'swap', ram: 512, vcpus: 1, disk: 1, swap: 512 } }), 200)
  const { server: { id } } = must(await demo.call('nova', 'POST', '/v2.1/servers', {
    server: {
      name: 'swapping', imageRef: bench.imageId, flavorRef: 'swap', networks: [{ uuid: bench.networkId }],
      block_device_mapping_v2: [
        { source_type: 'image', destination_type: 'local', uuid: bench.imageId, boot_index: 0 },
        { source_type: 'blank', destination_type: 'local', guest_format: 'swap', volume_size: 500, boot_index: -1 },
      ],
    },
  }), 202)
  await untilStatus(demo, id, 'ACTIVE')
  const swap = playground.world?.guests.get(id)?.spec.disks.find((disk) => disk.kind === 'blank')
  assert.deepEqual(swap?.kind === 'blank' && [swap.label, swap.sizeMiB], ['swap', 500])
})

test('a disk’s volume type may be named by its id or by its name', async (t) => {
  const bench = await startBench(t)
  const { admin, demo } = bench
  const { volume_type: type } = must(await admin.call('cinder', 'POST', `/v3/${admin.projectId}/types`, { volume_type: { name: 'fast' } }), 200)
  const root = { source_type: 'image', destination_type: 'local', uuid: bench.imageId, boot_index: 0 }
  const disk = { source_type: 'blank', destination_type: 'volume', volume_size: 1, delete_on_termination: true }
  const { server: { id } } = must(await demo.call('nova', 'POST', '/v2.1/servers', {
    server: {
      name: 'typed', imageRef: bench.imageId, flavorRef: '1', networks: [{ uuid: bench.networkId }],
      block_device_mapping_v2: [root, { ...disk, volume_type: type.id }, { ...disk, volume_type: 'fast' }],
    },
  }, version('2.67')), 202)
  await untilStatus(demo, id, 'ACTIVE')
  const { volumes } = must(await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes/detail`), 200)
  assert.deepEqual(volumes.map((volume: { volume_type: string }) => volume.volume_type), ['fast', 'fast'])
})

test('in the old form the disk vda is the one to boot from, also beside an image; without one the image is', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const made = async () => must(await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, imageRef: bench.imageId } }), 202).volume.id as string
  const volumes = [await made(), await made(), await made()]
  for (const id of volumes) await until('the volume is there', async () => must(await demo.call('cinder', 'GET', `/v3/volumes/${id}`), 200).volume.status === 'available')
  const bootsFrom = async (more: object) => {
    const id = await boot(bench, more as Record<string, unknown>)
    const { image } = await untilStatus(demo, id, 'ACTIVE')
    const disks = bench.playground.world?.guests.get(id)?.spec.disks ?? []
    return [disks[0]?.kind, disks.length, image === '' ? '' : image.id]
  }
  assert.deepEqual(await bootsFrom({ block_device_mapping: [{ volume_id: volumes[0], device_name: 'vdb' }] }), ['image', 2, bench.imageId])
  assert.deepEqual(await bootsFrom({ block_device_mapping: [{ volume_id: volumes[1], device_name: '/dev/vda' }] }), ['volume', 1, bench.imageId])
  assert.deepEqual(await bootsFrom({ imageRef: '', block_device_mapping: [{ volume_id: volumes[2], device_name: 'vda' }] }), ['volume', 1, ''])
  const beside = await demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'x', imageRef: unknown, flavorRef: '1', block_device_mapping: [{ volume_id: volumes[2], device_name: 'vda' }] } })
  assert.deepEqual([beside.status, beside.body.badRequest.message], [400, 'Can not find requested image'])
})

test('the network may be left out when there is one to choose, and must be named when there are two', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const create = (more: object, text: string) => demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'x', imageRef: bench.imageId, flavorRef: '1', ...more } }, version(text))
  const { server: { id } } = must(await create({}, '2.1'), 202)
  assert.deepEqual(Object.keys((await untilStatus(demo, id, 'ACTIVE')).addresses), ['private'])
  const { network } = must(await demo.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'second' } }), 201)
  must(await demo.call('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } }), 201)
  assert.equal((await create({}, '2.1')).status, 409)
  const { server: two } = must(await create({ networks: [{ uuid: bench.networkId, fixed_ip: '10.0.0.77' }, { uuid: network.id }] }, '2.37'), 202)
  const shown = await untilStatus(demo, two.id, 'ACTIVE')
  assert.deepEqual([shown.addresses.private[0].addr, Object.keys(shown.addresses).sort()], ['10.0.0.77', ['private', 'second']])
  const { port } = must(await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: network.id } }), 201)
  const { server: three } = must(await create({ networks: [{ port: port.id }] }, '2.37'), 202)
  await untilStatus(demo, three.id, 'ACTIVE')
  assert.equal((await create({ networks: [{ port: port.id }] }, '2.37')).status, 409)
  const taken = await create({ networks: [{ uuid: bench.networkId, fixed_ip: '10.0.0.77' }] }, '2.37')
  assert.deepEqual(taken.body, { badRequest: { code: 400, message: `Fixed IP address 10.0.0.77 is already in use on instance ${two.id}.` } })
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${three.id}`), 204)
  await untilGone(demo, three.id)
  assert.equal(must(await demo.call('neutron', 'GET', `/v2.0/ports/${port.id}`), 200).port.device_id, '')
})

test('servers are listed in pages, sorted and filtered; each project sees its own', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  const ids: string[] = []
  for (const name of ['alpha', 'beta', 'gamma']) ids.push(await boot(bench, { name }))
  for (const id of ids) await untilStatus(demo, id, 'ACTIVE')
  const list = async (query: string, session = demo, text = '2.93') => must(await session.call('nova', 'GET', `/v2.1/servers?${query}`, undefined, version(text)), 200)
  const names = async (query: string, session = demo) => (await list(query, session)).servers.map((server: { name: string }) => server.name)
  assert.deepEqual(await names(''), ['gamma', 'beta', 'alpha'])
  assert.deepEqual(await names('sort_key=display_name&sort_dir=asc'), ['alpha', 'beta', 'gamma'])
  assert.deepEqual(await names('name=^[ab]'), ['beta', 'alpha'])
  assert.deepEqual(await names('name=eta'), ['beta'])
  assert.deepEqual(await names('status=ACTIVE&limit=2'), ['gamma', 'beta'])
  assert.deepEqual(await names('status=SHUTOFF'), [])
  assert.deepEqual([await names('flavor=1'), await names('flavor=2')].map((found) => found.length), [3, 0])
  assert.deepEqual([await names(`image=${bench.imageId}`), await names(`image=${unknown}`)].map((found) => found.length), [3, 0])
  const { addresses } = await show(demo, ids[1] ?? '')
  assert.deepEqual(await names(`ip=^${addresses.private[0].addr.replaceAll('.', '%5C.')}$`), ['beta'])
  assert.equal((await names('changes-since=2999-01-01T00:00:00Z')).length, 0)
  const first = await list('limit=2&sort_key=display_name&sort_dir=asc')
  assert.equal(first.servers_links[0].rel, 'next')
  const next = new URL(first.servers_links[0].href)
  assert.deepEqual(await names(next.search.slice(1)), ['gamma'])
  assert.deepEqual([await names('limit=0'), (await list('limit=100')).servers_links], [[], undefined])
  const status = async (query: string, session = demo, text = '2.93') => (await session.call('nova', 'GET', `/v2.1/servers?${query}`, undefined, version(text))).status
  assert.deepEqual([await status('limit=-1'), await status('limit=x'), await status(`marker=${unknown}`), await status('status=DANCING'), await status('sort_key=secret'), await status('colour=red')], [400, 400, 400, 400, 400, 400])
  assert.equal(await status('colour=red', demo, '2.74'), 200)
  assert.deepEqual([await status('sort_dir=foo'), await status('sort_dir=asc&sort_dir=desc'), await status('sort_key=uuid&sort_dir=asc&sort_dir=desc')], [400, 400, 400])
  assert.deepEqual(await names('sort_dir=asc'), ['alpha', 'beta', 'gamma'])
  assert.deepEqual([await names('name=^(g%3F)(g|a%2B)%2Bmma$'), await names(`name=^(.*)*${'a?'.repeat(60)}[^a-z]`)], [['gamma'], []], 'whatever ways an expression has')
  assert.deepEqual([await status('name=%5B'), await status('ip=(1)%5C1'), await status('name=(a%7B1000%7D)%7B1000%7D')], [400, 400, 400])

  assert.deepEqual(await names('', await bench.cloud.login('reader')), ['gamma', 'beta', 'alpha'])
  const stranger = await bench.cloud.login('stranger')
  assert.deepEqual(await names('', stranger), [])
  assert.deepEqual([await status('all_tenants=1', stranger), await names('all_tenants=1', admin)], [403, ['gamma', 'beta', 'alpha']])
  assert.deepEqual(await names('host=host-1&all_tenants=1', admin), ['gamma', 'beta', 'alpha'])
  must(await demo.call('nova', 'POST', `/v2.1/servers/${ids[1]}/action`, { lock: null }), 202)
  for (const filter of ['locked_by=nope', 'kernel_id=zz', 'ramdisk_id=zz', 'auto_disk_config=2']) assert.deepEqual(await names(`${filter}&all_tenants=1`, admin), [], filter)
  assert.deepEqual([await names('locked_by=^owner&all_tenants=1', admin), await names('locked_by=owner')], [['beta'], ['gamma', 'beta', 'alpha']], 'others may not filter by it')
  must(await demo.call('nova', 'POST', `/v2.1/servers/${ids[1]}/action`, { unlock: null }), 202)
  for (const [method, path] of [['GET', ''], ['DELETE', ''], ['GET', '/os-interface'], ['GET', '/metadata'], ['GET', '/os-instance-actions']] as const) {
    assert.equal((await stranger.call('nova', method, `/v2.1/servers/${ids[0]}${path}`)).status, 404, `${method} ${path}`)
  }
  assert.equal((await stranger.call('nova', 'POST', `/v2.1/servers/${ids[0]}/action`, { 'os-stop': null })).status, 404)

  const doomed = ids[0] ?? ''
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${doomed}`), 204)
  await untilGone(demo, doomed)
  assert.deepEqual(await names('sort_key=display_name&sort_dir=asc'), ['beta', 'gamma'])
  assert.deepEqual(await names('deleted=true&all_tenants=1', admin), ['alpha'])
  assert.deepEqual(await names('changes-since=2020-01-01T00:00:00Z&sort_key=display_name&sort_dir=asc'), ['alpha', 'beta', 'gamma'])
  const { instanceActions } = must(await demo.call('nova', 'GET', `/v2.1/servers/${doomed}/os-instance-actions`, undefined, version('2.21')), 200)
  assert.deepEqual(instanceActions.map((each: { action: string }) => each.action), ['delete', 'create'])
})

test('a server gets another name, description and access address', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const put = (body: object, session = demo) => session.call('nova', 'PUT', `/v2.1/servers/${id}`, { server: body }, version('2.93'))
  const { server } = must(await put({ name: 'renamed', description: 'the web server', accessIPv4: '203.0.113.9', hostname: 'web' }), 200)
  assert.deepEqual([server.name, server.description, server.accessIPv4, server['OS-EXT-SRV-ATTR:hostname']], ['renamed', 'the web server', '203.0.113.9', 'web'])
  must(await put({ accessIPv6: '0000:0000:0000:0000:0000:BABE:220.12.22.2' }), 200)
  assert.equal((await show(demo, id)).accessIPv6, '::babe:dc0c:1602')
  assert.equal((await put({ accessIPv6: '::1::' })).status, 400)
  assert.equal((await put({ name: '' })).status, 400)
  assert.equal((await put({ name: 'x' }, await bench.cloud.login('reader'))).status, 403)
  const brief = must(await demo.call('nova', 'PUT', `/v2.1/servers/${id}`, { server: { name: 'two' } }, version('2.1')), 200).server
  assert.deepEqual([brief.name, brief['OS-EXT-STS:vm_state']], ['two', undefined])
})

test('several servers are made at once, as many as the quota allows, and parallel requests never overshoot it', async (t) => {
  const bench = await startBench(t, { config: { nova: { quota_instances: 5 } } })
  const { demo } = bench
  const create = (more: object) => demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'many', imageRef: bench.imageId, flavorRef: '1', networks: 'none', ...more } }, version('2.93'))
  const { reservation_id: reservation } = must(await create({ min_count: 2, max_count: 2, return_reservation_id: true }), 202)
  const { servers } = must(await demo.call('nova', 'GET', `/v2.1/servers?reservation_id=${reservation}&sort_key=display_name&sort_dir=asc`), 200)
  assert.deepEqual(servers.map((server: { name: string }) => server.name), ['many-1', 'many-2'])
  const refused = await create({ min_count: 4 })
  assert.deepEqual([refused.status, refused.body], [403, {
    forbidden: { code: 403, message: 'Quota exceeded for instances: Requested 4, but already used 2 of 5 instances' },
  }])
  const answers = await Promise.all(Array.from({ length: 8 }, () => create({})))
  assert.deepEqual(answers.map(({ status }) => status).toSorted((a, b) => a - b), [202, 202, 202, 403, 403, 403, 403, 403])
  const all = must(await demo.call('nova', 'GET', '/v2.1/servers'), 200).servers
  assert.equal(all.length, 5)
  for (const { id } of all) must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  // What is being deleted counts no more.
  must(await create({ max_count: 5 }), 202)
  await until('the first five are gone', async () => must(await demo.call('nova', 'GET', '/v2.1/servers'), 200).servers.length === 5)
})

test('a server has no more metadata than the quota of its project, of the default class, or of its user allows', async (t) => {
  const bench = await startBench(t)
  const { admin, demo } = bench
  const [quotas, classes] = [`/v2.1/os-quota-sets/${demo.projectId}`, '/v2.1/os-quota-class-sets/default']
  const limit = async (path: string, most: number) => must(await admin.call('nova', 'PUT', path, { [path === classes ? 'quota_class_set' : 'quota_set']: { metadata_items: most } }), 200)
  const make = (metadata: object) => demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'one', imageRef: bench.imageId, flavorRef: '1', networks: 'none', metadata } }, version('2.37'))
  const two = { colour: 'red', size: 'big' }
  await limit(classes, 1)
  const refused = await make(two)
  assert.deepEqual([refused.status, refused.body.forbidden.message], [403, 'Maximum number of metadata items exceeds 1'])
  await limit(quotas, 2)
  const { id } = must(await make(two), 202).server
  await untilStatus(demo, id, 'ACTIVE')
  const path = `/v2.1/servers/${id}/metadata`
  assert.equal((await demo.call('nova', 'POST', path, { metadata: { shape: 'round' } })).status, 403)
  await limit(quotas, 3)
  await limit(`${quotas}?user_id=${demo.userId}`, 2)
  assert.equal((await demo.call('nova', 'PUT', `${path}/shape`, { meta: { shape: 'round' } })).status, 403)
  assert.equal((await (await bench.cloud.login('member')).call('nova', 'PUT', `${path}/shape`, { meta: { shape: 'round' } })).status, 200)
})

test('an admin puts a server on a named host, past the filters', async (t) => {
  const bench = await startBench(t)
  const { admin } = bench
  const { server } = must(await admin.call('nova', 'POST', '/v2.1/servers', {
    server: { name: 'x', imageRef: bench.imageId, flavorRef: '1', networks: 'none', availability_zone: 'nova:host-1' },
  }, version('2.93')), 202)
  assert.equal((await untilStatus(admin, server.id, 'ACTIVE'))['OS-EXT-SRV-ATTR:host'], 'host-1')
  const nowhere = (more: object) => admin.call('nova', 'POST', '/v2.1/servers', { server: { name: 'x', imageRef: bench.imageId, flavorRef: '1', networks: 'none', ...more } }, version('2.93'))
  assert.deepEqual((await nowhere({ host: 'nowhere' })).body, { badRequest: { code: 400, message: 'Compute host nowhere could not be found.' } })
  const { server: lost } = must(await nowhere({ availability_zone: 'nova:nowhere' }), 202)
  assert.match((await untilStatus(admin, lost.id, 'ERROR')).fault.message, /^No valid host was found\./)
  must(await admin.call('nova', 'POST', `/v2.1/servers/${server.id}/action`, { 'os-resetState': { state: 'error' } }), 202)
  assert.equal((await show(admin, server.id)).status, 'ERROR')
  must(await admin.call('nova', 'POST', `/v2.1/servers/${server.id}/action`, { 'os-resetState': { state: 'active' } }), 202)
  assert.equal((await show(admin, server.id)).status, 'ACTIVE')
})

test('what upstream has removed for good is gone here too, whatever is sent; what it never had is not found', async (t) => {
  const { demo } = await startBench(t)
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await demo.call('nova', method, `/v2.1${path}`, body)
    return [answer.status, answer.body]
  }
  const gone = [410, { computeFault: { code: 410, message: 'This resource is no longer available.  No forwarding address is given.' } }]
  for (const noun of ['os-agents', 'os-cells', 'os-cloudpipe', 'os-floating-ip-dns', 'os-floating-ips-bulk', 'os-fping', 'os-security-group-default-rules', 'servers/1/consoles', 'servers/1/os-virtual-interfaces']) {
    assert.deepEqual(await ask('GET', `/${noun}`), gone, noun)
  }
  for (const noun of ['os-cells', 'os-certificates', 'os-fixed-ips', 'os-fping', 'servers/1/consoles']) assert.deepEqual(await ask('GET', `/${noun}/2`), gone, noun)
  for (const path of ['/os-agents', '/os-certificates', '/os-fixed-ips/1/action']) assert.deepEqual(await ask('POST', path, { anything: 1 }), gone, path)
  assert.deepEqual(await ask('DELETE', '/os-floating-ip-dns/a/entries/b'), gone)
  assert.deepEqual(await ask('POST', '/servers/1/action', { resetNetwork: null }), gone)
  assert.equal((await ask('GET', '/os-nothing'))[0], 404)
})
