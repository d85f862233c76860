// What can be done to a server that runs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { AppError, ServiceUnavailable } from '#core/errors'
import { silentLog } from '#core/observe'
import { rpcClient } from '#core/rpc'
import { ownContext } from '#core/service'
import { conductorRpc } from '../contract/conductor-rpc.ts'
import { boot, holdCalls, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'

test('a server is stopped, started and rebooted, its power follows, and its actions tell of it', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const act = (action: object) => demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, action)
  const guest = () => playground.world?.guests.get(id)

  must(await act({ 'os-stop': null }), 202)
  const stopped = await untilStatus(demo, id, 'SHUTOFF')
  assert.deepEqual([guest()?.state, stopped['OS-EXT-STS:power_state']], ['shutdown', 4])
  const again = await act({ 'os-stop': null })
  assert.deepEqual([again.status, again.body], [409, { conflictingRequest: { code: 409, message: `Cannot 'stop' instance ${id} while it is in vm_state stopped` } }])

  must(await act({ 'os-start': null }), 202)
  await untilStatus(demo, id, 'ACTIVE')
  const pid = guest()?.pid
  must(await act({ reboot: { type: 'HARD' } }), 202)
  await until('another process', async () => guest()?.pid !== pid)
  await untilStatus(demo, id, 'ACTIVE')
  must(await act({ reboot: { type: 'SOFT' } }), 202)
  await untilStatus(demo, id, 'ACTIVE')

  const { instanceActions: actions } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions`), 200)
  assert.deepEqual(actions.map((each: { action: string }) => each.action), ['reboot', 'reboot', 'start', 'stop', 'create'])
  const listed = async (query: string, at: string) => (await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions?${query}`, undefined, { 'openstack-api-version': `compute ${at}` })).status
  assert.deepEqual([await listed('limit=1&limit=2', '2.57'), await listed('limit=1&limit=2', '2.58')], [200, 400])
  assert.deepEqual([await listed('changes-since=2020-01-01&changes-before=2026-01-01', '2.66'), await listed('changes-since=2026-01-01&changes-before=2020-01-01', '2.66')], [200, 400])
  const { instanceAction } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions/${actions[3].request_id}`, undefined, { 'openstack-api-version': 'compute 2.84' }), 200)
  assert.deepEqual(instanceAction.events.map((event: Record<string, string>) => [event['event'], event['result'], event['details']]), [['compute_stop_instance', 'Success', undefined]])

  const { output } = must(await act({ 'os-getConsoleOutput': { length: 2 } }), 200)
  assert.match(output, /^one login: \n$/)
  const read = async (how: object): Promise<string> => must(await act({ 'os-getConsoleOutput': how }), 200).output
  assert.deepEqual([(await read({ length: 3 })).split('\n').length, await read({ length: 0 }), await read({ length: '1' })], [3, '', ''])
  assert.ok((await read({})).split('\n').length > 3)
  const unknown = await act({ dance: {} })
  assert.deepEqual([unknown.status, Object.keys(unknown.body)], [400, ['badRequest']])
})

test('a hard reboot overtakes another reboot that takes its time, and nothing else: a volume on its way in or out goes on', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const [volumes, attachments] = [`/v3/${demo.projectId}/volumes`, `/v2.1/servers/${id}/os-volume_attachments`]
  const { volume } = must(await demo.call('cinder', 'POST', volumes, { volume: { size: 1 } }), 202)
  const isVolume = async (status: string) => must(await demo.call('cinder', 'GET', `${volumes}/${volume.id}`), 200).volume.status === status
  await until('the volume is available', () => isVolume('available'))
  const reboot = async (type: string) => must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { reboot: { type } }), 202)
  const guest = () => playground.world?.guests.get(id)
  const hold = (wanted: string) => {
    const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    playground.before = async (method) => {
      if (method !== wanted) return
      reached.resolve()
      await held.promise
    }
    return { reached: reached.promise, let: held.resolve }
  }

  const attach = hold('attachVolume')
  const attached = demo.call('nova', 'POST', attachments, { volumeAttachment: { volumeId: volume.id } })
  await attach.reached
  for (const type of ['SOFT', 'HARD']) await reboot(type)
  attach.let()
  must(await attached, 200)
  await untilStatus(demo, id, 'ACTIVE')
  assert.deepEqual([await isVolume('in-use'), guest()?.spec.disks.filter(({ kind }) => kind === 'volume').length], [true, 1])

  const detach = hold('detachVolume')
  must(await demo.call('nova', 'DELETE', `${attachments}/${volume.id}`), 202)
  await detach.reached
  for (const type of ['SOFT', 'HARD', 'HARD']) await reboot(type)
  detach.let()
  await untilStatus(demo, id, 'ACTIVE')
  assert.deepEqual([await isVolume('available'), guest()?.spec.disks.filter(({ kind }) => kind === 'volume').length], [true, 0])

  const pid = guest()?.pid
  const stuck = hold('reboot')
  await reboot('HARD')
  await stuck.reached
  const soft = await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { reboot: { type: 'SOFT' } })
  assert.deepEqual([soft.status, soft.body.conflictingRequest.message], [409, `Cannot 'reboot' instance ${id} while it is in task_state rebooting_hard`])
  await reboot('HARD')
  stuck.let()
  await untilStatus(demo, id, 'ACTIVE')
  assert.notEqual(guest()?.pid, pid)
})

test('the events of actions last as long as the work that they tell of', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  playground.before = async (method) => {
    if (method === 'spawn' || method === 'powerOff' || method === 'destroy') await systemClock.sleep(150)
    if (method === 'powerOn') {
      await systemClock.sleep(150)
      throw new AppError(500, 'test.refused', 'It was refused.')
    }
  }
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const act = async (action: object) => must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, action), 202)
  await act({ 'os-stop': null })
  await untilStatus(demo, id, 'SHUTOFF')
  await act({ 'os-start': null })
  await until('the start has failed', async () => (await show(demo, id))['OS-EXT-STS:task_state'] === null)
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  const history = async (path = '') => must(await bench.admin.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions${path}`, undefined, { 'openstack-api-version': 'compute 2.84' }), 200)
  const lasting: [string, string, boolean][] = []
  for (const { action, request_id: request } of (await history()).instanceActions) {
    const { events: [last] } = (await history(`/${request}`)).instanceAction
    lasting.push([action, last.result, Date.parse(`${last.finish_time}Z`) - Date.parse(`${last.start_time}Z`) >= 140])
  }
  assert.deepEqual(lasting, [['delete', 'Success', true], ['start', 'Error', true], ['stop', 'Success', true], ['create', 'Success', true]])
})

test('a stop whose answer was lost leaves a server that is shown as what it is: off', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  playground.after = (method) => {
    if (method === 'powerOff') throw new AppError(504, 'engine.silent', 'The engine did not answer.')
  }
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-stop': null }), 202)
  const stopped = await untilStatus(demo, id, 'SHUTOFF')
  assert.deepEqual([playground.world?.guests.get(id)?.state, stopped['OS-EXT-STS:power_state']], ['shutdown', 4])
  delete playground.after
  await until('it rests', async () => (await show(demo, id))['OS-EXT-STS:task_state'] === null)
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-start': null }), 202)
  await untilStatus(demo, id, 'ACTIVE')
})

test('a guest that shuts itself down is shown as what it is', async (t) => {
  const bench = await startBench(t)
  const id = await boot(bench)
  await untilStatus(bench.demo, id, 'ACTIVE')
  bench.playground.world?.shutItselfDown(id)
  await untilStatus(bench.demo, id, 'SHUTOFF')
})

test('a word about a guest that comes late, when the guest runs again, changes nothing', async (t) => {
  const bench = await startBench(t)
  const { cloud, demo } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
  await rpcClient(cloud.bus, capabilities, conductorRpc).any().powerChanged(ownContext(capabilities, 'nova-compute'), { serverId: id, host: 'host-1', powerState: 4 })
  const { status, 'OS-EXT-STS:power_state': power } = await show(demo, id)
  assert.deepEqual([status, power], ['ACTIVE', 1])
})

test('a locked server refuses its owner, not the admin', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const act = (who: typeof demo, action: object, version = '2.93') => who.call('nova', 'POST', `/v2.1/servers/${id}/action`, action, { 'openstack-api-version': `compute ${version}` })
  must(await act(demo, { lock: { locked_reason: 'payroll runs' } }), 202)
  const locked = await show(demo, id)
  assert.deepEqual([locked.locked, locked.locked_reason], [true, 'payroll runs'])
  must(await act(demo, { lock: { locked_reason: 'another' } }), 202)
  assert.equal((await show(demo, id)).locked_reason, 'payroll runs')
  assert.equal((await act(demo, { 'os-stop': null })).status, 409)
  assert.equal((await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`)).status, 409)
  must(await act(admin, { 'os-stop': null }), 202)
  await untilStatus(demo, id, 'SHUTOFF')
  must(await act(demo, { unlock: null }), 202)
  assert.equal((await show(demo, id)).locked, false)
  must(await act(demo, { lock: { locked_reason: 'month ends' } }), 202)
  must(await act(admin, { lock: null }), 202)
  assert.equal((await show(demo, id)).locked_reason, 'month ends')
  assert.equal((await act(demo, { unlock: null })).status, 403)
})

test('a server that came to no host is locked and unlocked, and its history tells', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  must(await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'huge', name: 'huge', ram: 512, vcpus: 1, disk: 900_000 } }), 200)
  const letGo = holdCalls(bench, 'selectDestination')
  const id = await boot(bench, { flavorRef: 'huge' })
  const act = (action: object) => demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, action)
  must(await act({ lock: null }), 202)
  letGo()
  assert.equal((await untilStatus(demo, id, 'ERROR')).locked, true)
  must(await act({ unlock: null }), 202)
  must(await act({ lock: null }), 202)
  const { instanceActions } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions`), 200)
  assert.deepEqual(instanceActions.map(({ action }: { action: string }) => action), ['lock', 'unlock', 'create'])
})

test('metadata and tags are kept with the server', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const id = await boot(bench, { metadata: { colour: 'red' } })
  await untilStatus(demo, id, 'ACTIVE')
  const call = (method: string, path: string, body?: unknown) => demo.call('nova', method, `/v2.1/servers/${id}${path}`, body, { 'openstack-api-version': 'compute 2.93' })
  assert.deepEqual(must(await call('POST', '/metadata', { metadata: { size: 'small' } }), 200), { metadata: { colour: 'red', size: 'small' } })
  assert.deepEqual(must(await call('PUT', '/metadata/colour', { meta: { colour: 'blue' } }), 200), { meta: { colour: 'blue' } })
  assert.deepEqual(must(await call('GET', '/metadata/colour'), 200), { meta: { colour: 'blue' } })
  must(await call('DELETE', '/metadata/size'), 204)
  assert.deepEqual((await call('DELETE', '/metadata/size')).body, { itemNotFound: { code: 404, message: 'Metadata item was not found' } })
  assert.deepEqual(must(await call('PUT', '/metadata', { metadata: { only: 'this' } }), 200), { metadata: { only: 'this' } })
  assert.equal((await call('POST', '/metadata', { metadata: Object.fromEntries(Array.from({ length: 129 }, (_each, at) => [`k${at}`, 'v'])) })).status, 403)

  assert.equal((await call('PUT', '/tags/web')).status, 201)
  assert.deepEqual([(await call('PUT', '/tags/web')).status, (await call('PUT', '/tags/q', { foo: 1 })).status], [204, 400])
  assert.deepEqual(must(await call('PUT', '/tags', { tags: ['a', 'b', 'a'] }), 200), { tags: ['a', 'b'] })
  must(await call('GET', '/tags/a'), 204)
  must(await call('DELETE', '/tags/a'), 204)
  assert.equal((await call('GET', '/tags/a')).status, 404)
  const list = async (query: string) => must(await demo.call('nova', 'GET', `/v2.1/servers?${query}`, undefined, { 'openstack-api-version': 'compute 2.93' }), 200).servers.length
  assert.deepEqual([await list('tags=b'), await list('tags=a'), await list('tags-any=a,b'), await list('not-tags=b'), await list('not-tags-any=z')], [1, 0, 1, 0, 1])
  must(await call('DELETE', '/tags'), 204)
  const shown = await show(demo, id)
  assert.deepEqual([shown.metadata, shown.tags], [{ only: 'this' }, []])
})

test('metadata and networks may be named like what every object has', async (t) => {
  const bench = await startBench(t)
  const { demo, networkId } = bench
  must(await demo.call('neutron', 'PUT', `/v2.0/networks/${networkId}`, { network: { name: 'constructor' } }), 200)
  const id = await boot(bench)
  const { addresses } = await untilStatus(demo, id, 'ACTIVE')
  assert.deepEqual([Object.keys(addresses), addresses.constructor.length], [['constructor'], 1])
  assert.equal(must(await demo.call('nova', 'GET', '/v2.1/servers/detail'), 200).servers.length, 1)
  const call = (method: string, path: string, body?: unknown) => demo.call('nova', method, `/v2.1/servers/${id}${path}`, body)
  must(await call('GET', '/ips/constructor'), 200)
  must(await call('GET', '/ips/toString'), 404)
  for (const method of ['GET', 'DELETE']) must(await call(method, '/metadata/toString'), 404)
  must(await call('PUT', '/metadata/toString', { meta: { other: 'x' } }), 400)
  assert.deepEqual(must(await call('PUT', '/metadata/toString', { meta: { toString: 'x' } }), 200), { meta: { toString: 'x' } })
})

test('a volume is plugged in and out, and a second server cannot have it', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const { volume } = must(await demo.call('cinder', 'POST', `/v3/${demo.projectId}/volumes`, { volume: { size: 1, name: 'data' } }), 202)
  const volumeStatus = async () => must(await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes/${volume.id}`), 200).volume.status
  await until('the volume is there', async () => (await volumeStatus()) === 'available')
  const latest = { 'openstack-api-version': 'compute 2.93' }
  const path = `/v2.1/servers/${id}/os-volume_attachments`
  for (const device of ['vdq', 'foo', '/dev/', '']) {
    assert.equal((await demo.call('nova', 'POST', path, { volumeAttachment: { volumeId: volume.id, device } }, latest)).status, 400, `device ${device}`)
  }
  const attached = must(await demo.call('nova', 'POST', path, { volumeAttachment: { volumeId: volume.id, tag: 'data' } }, latest), 200)
  assert.deepEqual(attached, { volumeAttachment: { id: volume.id, serverId: id, volumeId: volume.id, device: '/dev/vdb', tag: 'data', delete_on_termination: false } })
  await until('the volume is in use', async () => (await volumeStatus()) === 'in-use')
  await until('the guest has it', async () => playground.world?.guests.get(id)?.spec.disks.some((disk) => disk.kind === 'volume' && disk.volumeId === volume.id))
  assert.deepEqual((await show(demo, id))['os-extended-volumes:volumes_attached'], [{ id: volume.id, delete_on_termination: false }])
  assert.equal((await demo.call('nova', 'POST', path, { volumeAttachment: { volumeId: volume.id } }, latest)).status, 400)

  const other = await boot(bench, { name: 'two' })
  await untilStatus(demo, other, 'ACTIVE')
  assert.equal((await demo.call('nova', 'POST', `/v2.1/servers/${other}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } }, latest)).status, 400)

  const { volumeAttachments: [listed] } = must(await demo.call('nova', 'GET', path, undefined, latest), 200)
  assert.deepEqual([(await demo.call('nova', 'GET', `${path}?foo=1`, undefined, latest)).status, (await demo.call('nova', 'GET', `${path}?foo=1`)).status], [400, 200])
  assert.deepEqual(Object.keys(listed).sort(), ['attachment_id', 'bdm_uuid', 'delete_on_termination', 'device', 'serverId', 'tag', 'volumeId'])
  must(await demo.call('nova', 'PUT', `${path}/${volume.id}`, { volumeAttachment: { volumeId: volume.id, delete_on_termination: true } }, latest), 202)
  must(await demo.call('nova', 'DELETE', `${path}/${volume.id}`), 202)
  await until('the volume is free', async () => (await volumeStatus()) === 'available')
  await until('it is listed no more', async () => must(await demo.call('nova', 'GET', path), 200).volumeAttachments.length === 0)
  assert.equal((await demo.call('nova', 'DELETE', `${path}/${volume.id}`)).status, 404)
})

test('a volume says under which name its server has it, for one plugged in and one booted from', async (t) => {
  const bench = await startBench(t)
  const { demo, imageId } = bench
  const root = { boot_index: 0, uuid: imageId, source_type: 'image', destination_type: 'volume', volume_size: 1 }
  const id = await boot(bench, { imageRef: '', block_device_mapping_v2: [root] })
  await untilStatus(demo, id, 'ACTIVE')
  const volumes = `/v3/${demo.projectId}/volumes`
  const { volume } = must(await demo.call('cinder', 'POST', volumes, { volume: { size: 1 } }), 202)
  await until('the volume is available', async () => must(await demo.call('cinder', 'GET', `${volumes}/${volume.id}`), 200).volume.status === 'available')
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id, device: '/dev/vdc' } }), 200)
  const names = async () => (must(await demo.call('cinder', 'GET', `${volumes}/detail?status=in-use`), 200).volumes as { attachments: { device: string }[] }[]).flatMap(({ attachments }) => attachments.map(({ device }) => device)).sort()
  await until('both are in use', async () => (await names()).length === 2)
  assert.deepEqual(await names(), ['/dev/vda', '/dev/vdc'])
})

test('of two servers that ask for one volume at once, one gets it and the other is refused', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const ids = await Promise.all(['one', 'two'].map((name) => boot(bench, { name })))
  for (const id of ids) await untilStatus(demo, id, 'ACTIVE')
  const volumes = `/v3/${demo.projectId}/volumes`
  const { volume } = must(await demo.call('cinder', 'POST', volumes, { volume: { size: 1 } }), 202)
  await until('the volume is available', async () => must(await demo.call('cinder', 'GET', `${volumes}/${volume.id}`), 200).volume.status === 'available')
  const answers = await Promise.all(ids.map((id) => demo.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })))
  assert.deepEqual(answers.map(({ status }) => status).sort((a, b) => a - b), [200, 400])
  assert.match(answers.find(({ status }) => status === 400)?.body.badRequest.message, /^Invalid volume: /)
  await until('one server has it', async () => must(await demo.call('cinder', 'GET', `${volumes}/${volume.id}`), 200).volume.status === 'in-use')
  const attached = await Promise.all(ids.map(async (id) => must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-volume_attachments`), 200).volumeAttachments.length))
  assert.deepEqual(attached.sort((a, b) => a - b), [0, 1])
})

test('a server that is started while a volume is being taken from it does not get the volume back', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const [volumes, attachments] = [`/v3/${demo.projectId}/volumes`, `/v2.1/servers/${id}/os-volume_attachments`]
  const { volume } = must(await demo.call('cinder', 'POST', volumes, { volume: { size: 1 } }), 202)
  const volumeStatus = async () => must(await demo.call('cinder', 'GET', `${volumes}/${volume.id}`), 200).volume.status
  await until('the volume is available', async () => (await volumeStatus()) === 'available')
  must(await demo.call('nova', 'POST', attachments, { volumeAttachment: { volumeId: volume.id } }), 200)
  await until('the volume is in use', async () => (await volumeStatus()) === 'in-use')
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-stop': null }), 202)
  await untilStatus(demo, id, 'SHUTOFF')
  const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  playground.before = async (method) => {
    if (method !== 'detachVolume') return
    reached.resolve()
    await held.promise
  }
  must(await demo.call('nova', 'DELETE', `${attachments}/${volume.id}`), 202)
  await reached.promise
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-start': null }), 202)
  // Cinder's part of it comes after the start.
  const { transport } = bench.cloud.services.cinder
  Object.assign(bench.cloud.services.cinder, {
    transport: async (request: Parameters<typeof transport>[0]) => {
      if (request.method === 'DELETE') await until('the guest runs', async () => playground.world?.guests.get(id)?.state === 'running')
      return transport(request)
    },
  })
  held.resolve()
  await untilStatus(demo, id, 'ACTIVE')
  await until('the volume is free', async () => (await volumeStatus()) === 'available')
  assert.deepEqual(playground.world?.guests.get(id)?.spec.disks.filter(({ kind }) => kind === 'volume'), [])
})

test('a volume and a port whose removal failed, although the guest had let go of them, are in the guest again', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const [volumes, attachments, ports] = [`/v3/${demo.projectId}/volumes`, `/v2.1/servers/${id}/os-volume_attachments`, `/v2.1/servers/${id}/os-interface`]
  const { volume } = must(await demo.call('cinder', 'POST', volumes, { volume: { size: 1 } }), 202)
  const volumeStatus = async () => must(await demo.call('cinder', 'GET', `${volumes}/${volume.id}`), 200).volume.status
  await until('the volume is available', async () => (await volumeStatus()) === 'available')
  must(await demo.call('nova', 'POST', attachments, { volumeAttachment: { volumeId: volume.id } }), 200)
  await until('the volume is in use', async () => (await volumeStatus()) === 'in-use')
  const { interfaceAttachment: { port_id: portId } } = must(await demo.call('nova', 'POST', ports, { interfaceAttachment: { net_id: bench.networkId } }), 200)
  const guest = () => playground.world?.guests.get(id)?.spec
  const failed: string[] = []
  playground.after = (method) => {
    if (!method.startsWith('detach') || failed.includes(method)) return
    failed.push(method)
    throw new Error('the answer was lost')
  }
  must(await demo.call('nova', 'DELETE', `${attachments}/${volume.id}`), 202)
  must(await demo.call('nova', 'DELETE', `${ports}/${portId}`), 202)
  await until('both have failed', async () => failed.length === 2)
  await until('the volume is in the guest', async () => guest()?.disks.some((disk) => disk.kind === 'volume') === true)
  await until('the port is in the guest', async () => guest()?.ports.some((port) => port.portId === portId) === true)
  assert.equal(await volumeStatus(), 'in-use')
  must(await demo.call('nova', 'DELETE', `${ports}/${portId}`), 202)
  must(await demo.call('nova', 'DELETE', `${attachments}/${volume.id}`), 202)
  await until('the volume is free', async () => (await volumeStatus()) === 'available')
  await until('the port is gone', async () => guest()?.ports.every((port) => port.portId !== portId) === true)
})

test('a port is added to a running server and taken away', async (t) => {
  const bench = await startBench(t)
  const { demo, admin, playground } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const path = `/v2.1/servers/${id}/os-interface`
  const { interfaceAttachment: added } = must(await demo.call('nova', 'POST', path, { interfaceAttachment: { net_id: bench.networkId } }), 200)
  assert.deepEqual([added.fixed_ips.length, added.port_state], [1, 'ACTIVE'])
  assert.equal(playground.world?.guests.get(id)?.spec.ports.length, 2)
  assert.equal(must(await demo.call('nova', 'GET', path), 200).interfaceAttachments.length, 2)
  assert.equal(must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/ips`), 200).addresses.private.length, 2)

  const { port } = must(await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: bench.networkId } }), 201)
  must(await demo.call('nova', 'POST', path, { interfaceAttachment: { port_id: port.id } }), 200)
  for (const portId of [added.port_id, port.id]) must(await demo.call('nova', 'DELETE', `${path}/${portId}`), 202)
  await until('they are gone', async () => must(await demo.call('nova', 'GET', path), 200).interfaceAttachments.length === 1)
  assert.equal(playground.world?.guests.get(id)?.spec.ports.length, 1)
  assert.equal((await admin.call('neutron', 'GET', `/v2.0/ports/${added.port_id}`)).status, 404)
  const given = must(await admin.call('neutron', 'GET', `/v2.0/ports/${port.id}`), 200).port
  assert.deepEqual([given.device_id, given.device_owner], ['', ''])
})

test('a port that cannot be added is refused as upstream does: what is not there is not found, what is taken conflicts, and what is used up is no good request or not allowed', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const unknown = '11111111-2222-4333-8444-555555555555'
  const path = `/v2.1/servers/${id}/os-interface`
  const refused = async (interfaceAttachment: object) => {
    const { status, body } = await demo.call('nova', 'POST', path, { interfaceAttachment })
    return [status, (Object.values(body)[0] as { message: string }).message]
  }
  const { interfaceAttachments: [own] } = must(await demo.call('nova', 'GET', path), 200)
  const [{ ip_address: taken }] = own.fixed_ips
  assert.deepEqual(await refused({ net_id: unknown }), [404, `Network ${unknown} could not be found.`])
  assert.deepEqual(await refused({ port_id: unknown }), [404, `Port id ${unknown} could not be found.`])
  assert.deepEqual(await refused({ port_id: own.port_id }), [409, `Port ${own.port_id} is still in use.`])
  assert.deepEqual(await refused({ net_id: bench.networkId, fixed_ips: [{ ip_address: taken }] }), [409, `Fixed IP address ${taken} is already in use on instance ${id}.`])
  must(await demo.call('nova', 'POST', path, {}), 200)
  const { network: full } = must(await demo.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'full' } }), 201)
  const pool = { start: '10.8.0.2', end: '10.8.0.2' }
  must(await demo.call('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: full.id, ip_version: 4, cidr: '10.8.0.0/29', enable_dhcp: false, allocation_pools: [pool] } }), 201)
  must(await demo.call('nova', 'POST', path, { interfaceAttachment: { net_id: full.id } }), 200)
  assert.deepEqual(await refused({ net_id: full.id }), [400, `No fixed IP addresses available for network: ${full.id}`])
  const { quota: { port: { used } } } = must(await admin.call('neutron', 'GET', `/v2.0/quotas/${demo.projectId}/details.json`), 200)
  must(await admin.call('neutron', 'PUT', `/v2.0/quotas/${demo.projectId}`, { quota: { port: used } }), 200)
  assert.deepEqual(await refused({ net_id: bench.networkId }), [403, 'Maximum number of ports exceeded'])
  const { network } = must(await demo.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'other' } }), 201)
  must(await demo.call('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24' } }), 201)
  assert.deepEqual(await refused({}), [400, 'Multiple possible networks found, use a Network ID to be more specific.'])
  assert.equal(must(await demo.call('nova', 'GET', path), 200).interfaceAttachments.length, 3)
})

test('a server gets one more address of a network and gives it back, as clients ask for before 2.44; what came of it, its actions tell', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const act = (action: object, version = '2.43') => demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, action, { 'openstack-api-version': `compute ${version}` })
  const addresses = async (): Promise<string[]> => must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/ips`), 200).addresses.private.map(({ addr }: { addr: string }) => addr)
  const { interfaceAttachments: [{ port_id: portId }] } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-interface`), 200)
  const ofPort = async (): Promise<string[]> => must(await demo.call('neutron', 'GET', `/v2.0/ports/${portId}`), 200).port.fixed_ips.map((each: { ip_address: string }) => each.ip_address)
  const ended = async (count: number) => {
    const { instanceActions: actions } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions`), 200)
    const of = async (each: { request_id: string }) => must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions/${each.request_id}`, undefined, { 'openstack-api-version': 'compute 2.51' }), 200).instanceAction
    const done = await Promise.all(actions.slice(0, count).map(of))
    return done.every(({ events }) => events.length === 1) && done.map(({ action, message, events: [{ result }] }) => [action, result, message])
  }
  const [first] = await addresses()

  must(await act({ addFixedIp: { networkId: bench.networkId } }), 202)
  await until('it has two', async () => (await addresses()).length === 2)
  assert.deepEqual(await ofPort(), await addresses())
  must(await act({ removeFixedIp: { address: first } }), 202)
  await until('the first is gone', async () => !(await addresses()).includes(first ?? ''))
  assert.deepEqual([(await addresses()).length, await ofPort()], [1, await addresses()])
  assert.deepEqual(await until('both have ended', () => ended(2)), [['remove_fixed_ip', 'Success', null], ['add_fixed_ip', 'Success', null]])

  const unknown = '11111111-2222-4333-8444-555555555555'
  must(await act({ addFixedIp: { networkId: unknown } }), 202)
  const why = `Network could not be found for instance ${id}.`
  assert.match(String((await until('it has failed', () => ended(1)))[0]?.[2]), new RegExp(why))
  must(await act({ removeFixedIp: { address: '10.0.0.99' } }), 202)
  assert.match(String((await until('it has failed too', () => ended(1)))[0]?.[2]), /does not have fixed IP '10\.0\.0\.99'/)
  assert.equal((await untilStatus(demo, id, 'ACTIVE')).fault, undefined)

  const wrong = [{ removeFixedIp: { address: 'abc' } }, { addFixedIp: {} }, { addFixedIp: { networkId: bench.networkId, more: 1 } }]
  for (const action of wrong) assert.equal((await act(action)).status, 400, JSON.stringify(action))
  assert.deepEqual([(await act({ addFixedIp: { networkId: bench.networkId } }, '2.44')).status, (await act({ dance: null }, '2.44')).status], [404, 400])
})

test('an interface has the state that neutron has for its port', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const path = `/v2.1/servers/${id}/os-interface`
  const [attached] = must(await demo.call('nova', 'GET', path), 200).interfaceAttachments
  assert.equal(attached.port_state, 'ACTIVE')
  must(await demo.call('neutron', 'PUT', `/v2.0/ports/${attached.port_id}`, { port: { admin_state_up: false } }), 200)
  await until('neutron took it down', async () => must(await demo.call('neutron', 'GET', `/v2.0/ports/${attached.port_id}`), 200).port.status === 'DOWN')
  assert.equal(must(await demo.call('nova', 'GET', path), 200).interfaceAttachments[0].port_state, 'DOWN')
  assert.equal(must(await demo.call('nova', 'GET', `${path}/${attached.port_id}`), 200).interfaceAttachment.port_state, 'DOWN')
})

test('a server is put into a security group and taken out again', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const { security_group: web } = must(await demo.call('neutron', 'POST', '/v2.0/security-groups', { security_group: { name: 'web' } }), 201)
  for (const protocol of ['tcp', 'icmp']) must(await demo.call('neutron', 'POST', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: web.id, direction: 'ingress', protocol } }), 201)
  const names = async () => (await show(demo, id)).security_groups.map((group: { name: string }) => group.name).sort()
  assert.deepEqual(await names(), ['default'])
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { addSecurityGroup: { name: 'web' } }), 202)
  assert.deepEqual(await names(), ['default', 'web'])
  const { security_groups: groups } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-security-groups`), 200)
  assert.deepEqual(groups.map((group: { name: string }) => group.name), ['default', 'web'])
  const friends = groups[0].rules.flatMap(({ group }: { group: { name?: string } }) => (group.name === undefined ? [] : [group]))
  const ports = groups[1].rules.map((rule: { from_port: number; to_port: number }) => [rule.from_port, rule.to_port])
  assert.deepEqual(ports.sort((a: number[], b: number[]) => (a[0] ?? 0) - (b[0] ?? 0)), [[-1, -1], [1, 65_535]])
  assert.deepEqual(friends[0], { name: 'default', tenant_id: demo.projectId })
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { removeSecurityGroup: { name: 'web' } }), 202)
  assert.deepEqual(await names(), ['default'])
  const { port_id: open } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-interface`), 200).interfaceAttachments[0]
  must(await demo.call('neutron', 'PUT', `/v2.0/ports/${open}`, { port: { security_groups: [], port_security_enabled: false } }), 200)
  const cannot = await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { addSecurityGroup: { name: 'web' } })
  assert.deepEqual([cannot.status, cannot.body.badRequest.message], [400, 'Network requires port_security_enabled and subnet associated in order to apply security groups.'])
  assert.equal((await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { removeSecurityGroup: { name: 'nowhere' } })).status, 404)
})

test('clients from before 2.36 find the security group that a server is to join', async (t) => {
  const { demo, admin, cloud } = await startBench(t)
  const stranger = await cloud.login('stranger')
  const { security_group: web } = must(await demo.call('neutron', 'POST', '/v2.0/security-groups', { security_group: { name: 'web' } }), 201)
  must(await demo.call('neutron', 'POST', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: web.id, direction: 'ingress', protocol: 'tcp', port_range_min: 80, port_range_max: 81 } }), 201)
  const ask = (who: typeof demo, path = '', headers = {}) => who.call('nova', 'GET', `/v2.1/os-security-groups${path}`, undefined, headers)
  const names = async (who: typeof demo, query = '') => must(await ask(who, query), 200).security_groups.map((group: { name: string }) => group.name)
  assert.deepEqual([await names(demo), await names(demo, '?offset=1'), await names(demo, '?limit=1&limit=5&offset=0')], [['default', 'web'], ['web'], ['default', 'web']])
  assert.equal((await names(stranger)).includes('web'), false)
  assert.deepEqual([(await names(admin)).includes('web'), (await names(admin, '?all_tenants=1')).includes('web'), await names(demo, '?all_tenants=1')], [false, true, ['default', 'web']])
  const { security_group: shown } = must(await ask(demo, `/${web.id}`), 200)
  assert.deepEqual([shown.name, shown.tenant_id, shown.rules.map(({ id: _id, ...rule }: { id: string }) => rule)], ['web', demo.projectId, [
    { parent_group_id: web.id, ip_protocol: 'tcp', from_port: 80, to_port: 81, group: {}, ip_range: { cidr: '0.0.0.0/0' } },
  ]])
  const statuses = await Promise.all([ask(stranger, `/${web.id}`), ask(demo, '/web'), ask(demo, '?offset=x'), ask(demo, '', { 'openstack-api-version': 'compute 2.36' })])
  assert.deepEqual(statuses.map(({ status }) => status), [404, 400, 400, 404])
})

test('a server can be started while a volume is not connected to it yet, and is without it', async (t) => {
  const bench = await startBench(t)
  const { demo, playground, cloud } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const volumes = `/v3/${demo.projectId}/volumes`
  const { volume } = must(await demo.call('cinder', 'POST', volumes, { volume: { size: 1 } }), 202)
  const volumeStatus = async () => must(await demo.call('cinder', 'GET', `${volumes}/${volume.id}`), 200).volume.status
  await until('the volume is available', async () => (await volumeStatus()) === 'available')
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-stop': null }), 202)
  await untilStatus(demo, id, 'SHUTOFF')
  // Once the host is told of the volume, cinder is away: neither is it connected, nor is the place in the server given up.
  let away = false
  const asked = Promise.withResolvers<void>()
  const [{ send }, { transport }] = [cloud.bus, cloud.services.cinder]
  Object.assign(cloud.bus, {
    send: (...sent: Parameters<typeof send>) => {
      away ||= sent[2].method === 'attachVolume'
      return send.apply(cloud.bus, sent)
    },
  })
  Object.assign(cloud.services.cinder, {
    transport: async (request: Parameters<typeof transport>[0]) => {
      if (!away) return transport(request)
      asked.resolve()
      throw new ServiceUnavailable('The cinder service cannot be reached.')
    },
  })
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } }), 200)
  await asked.promise
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-start': null }), 202)
  await untilStatus(demo, id, 'ACTIVE')
  assert.deepEqual(playground.world?.guests.get(id)?.spec.disks.filter(({ kind }) => kind === 'volume'), [])
  away = false
  await until('the volume is free', async () => (await volumeStatus()) === 'available')
})
