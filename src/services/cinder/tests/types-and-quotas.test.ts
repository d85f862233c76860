// Volume types, quotas, limits, services, pools and messages through the front door.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'
import { at, readyVolume, until, untilGone } from './help.ts'

test('types: made by administrators, seen by whom they are for', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  assert.equal((await demo.call('cinder', 'POST', '/v3/types', { volume_type: { name: 'x' } })).status, 403)
  const made = await admin.call('cinder', 'POST', '/v3/types', { volume_type: { name: 'fast', extra_specs: { volume_backend_name: 'fake', 'RESKEY:availability_zones': 'nova' } } })
  const { id } = made.body.volume_type
  assert.deepEqual([made.status, made.body], [200, {
    volume_type: {
      id, name: 'fast', is_public: true, description: null, extra_specs: { volume_backend_name: 'fake', 'RESKEY:availability_zones': 'nova' },
      'os-volume-type-access:is_public': true,
    },
  }])
  const described = await admin.call('cinder', 'PUT', `/v3/types/${id}`, { volume_type: { description: 'quick' } })
  assert.deepEqual([described.status, described.body], [200, {
    volume_type: { id, name: 'fast', is_public: true, description: 'quick', extra_specs: { volume_backend_name: 'fake', 'RESKEY:availability_zones': 'nova' } },
  }])
  const whole = (await admin.call('cinder', 'GET', `/v3/types/${id}`)).body.volume_type
  assert.deepEqual([whole.qos_specs_id, whole['os-volume-type-access:is_public']], [null, true])
  assert.equal((await admin.call('cinder', 'POST', '/v3/types', { volume_type: { name: 'fast' } })).status, 409)
  const seen = await demo.call('cinder', 'GET', `/v3/types/${id}`)
  assert.deepEqual(seen.body.volume_type, {
    id, name: 'fast', is_public: true, description: 'quick', extra_specs: { 'RESKEY:availability_zones': 'nova' }, 'os-volume-type-access:is_public': true,
  })
  const names = async (who = demo, query = '') => (await who.call('cinder', 'GET', `/v3/types${query}`, undefined, at('3.52'))).body.volume_types.map((type: any) => type.name).sort()
  assert.deepEqual(await names(), ['__DEFAULT__', 'fast'])
  assert.equal((await demo.call('cinder', 'GET', '/v3/types/default')).body.volume_type.name, '__DEFAULT__')

  const hidden = (await admin.call('cinder', 'POST', '/v3/types', { volume_type: { name: 'hidden', 'os-volume-type-access:is_public': false } })).body.volume_type
  assert.deepEqual(await names(), ['__DEFAULT__', 'fast'])
  assert.deepEqual(await names(admin, '?is_public=None'), ['__DEFAULT__', 'fast', 'hidden'])
  assert.deepEqual(await names(admin, '?is_public=False'), ['hidden'])
  assert.equal((await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, volume_type: 'hidden' } })).status, 404)
  const act = (name: string) => admin.call('cinder', 'POST', `/v3/types/${hidden.id}/action`, { [name]: { project: demo.projectId } })
  assert.deepEqual([(await act('addProjectAccess')).status, (await act('addProjectAccess')).status], [202, 409])
  assert.deepEqual((await admin.call('cinder', 'GET', `/v3/types/${hidden.id}/os-volume-type-access`)).body, { volume_type_access: [{ volume_type_id: hidden.id, project_id: demo.projectId }] })
  assert.equal((await readyVolume(demo, { volume_type: 'hidden' })).volume_type_id, hidden.id)
  assert.deepEqual([(await act('removeProjectAccess')).status, (await act('removeProjectAccess')).status], [202, 404])
  assert.equal((await admin.call('cinder', 'DELETE', `/v3/types/${hidden.id}`)).status, 400)

  const specs = (method: string, path = '', body?: unknown) => admin.call('cinder', method, `/v3/types/${id}/extra_specs${path}`, body)
  assert.deepEqual((await specs('POST', '', { extra_specs: { tier: 'gold' } })).body, { extra_specs: { tier: 'gold' } })
  assert.deepEqual((await specs('PUT', '/tier', { tier: 'silver' })).body, { tier: 'silver' })
  assert.deepEqual((await specs('GET', '/tier')).body, { tier: 'silver' })
  assert.equal((await demo.call('cinder', 'GET', `/v3/types/${id}/extra_specs/tier`)).status, 404)
  assert.equal((await specs('DELETE', '/tier')).status, 202)
  assert.equal((await specs('DELETE', '/tier')).status, 404)
  assert.equal((await admin.call('cinder', 'PUT', `/v3/types/${id}`, { volume_type: { description: 'd' } })).body.volume_type.description, 'd')
  assert.equal((await admin.call('cinder', 'DELETE', `/v3/types/${id}`)).status, 202)
  const standard = (await admin.call('cinder', 'GET', '/v3/types/default')).body.volume_type.id
  assert.equal((await admin.call('cinder', 'DELETE', `/v3/types/${standard}`)).status, 400)

  const own = (method: string, body?: unknown) => admin.call('cinder', method, `/v3/default-types/${demo.projectId}`, body, at('3.62'))
  await act('addProjectAccess')
  assert.equal((await own('PUT', { default_type: { volume_type: 'hidden' } })).status, 200)
  assert.equal((await readyVolume(demo)).volume_type, 'hidden')
  assert.deepEqual([(await own('DELETE')).status, (await own('DELETE')).status, (await own('GET')).status], [204, 204, 404])
})

test('a default type is set for a project that keystone knows, and of a type that is there', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const ask = (method: string, project: string, type = '__DEFAULT__') =>
    admin.call('cinder', method, `/v3/default-types/${project}`, method === 'PUT' ? { default_type: { volume_type: type } } : undefined, at('3.62'))
  for (const method of ['PUT', 'GET', 'DELETE']) {
    assert.deepEqual((await ask(method, 'nosuchproject')).body, { itemNotFound: { code: 404, message: 'Project with id nosuchproject not found.' } }, method)
  }
  const { projectId } = demo
  assert.deepEqual((await ask('PUT', projectId, 'nosuchtype')).body, { badRequest: { code: 400, message: 'Volume type with name nosuchtype could not be found.' } })
  const id = '8f1ba4ee-7fb6-4b4c-9f4b-9a4f3c9d7a11'
  assert.deepEqual((await ask('PUT', projectId, id)).body, { badRequest: { code: 400, message: `Volume type ${id} could not be found.` } })
  assert.deepEqual((await admin.call('cinder', 'GET', '/v3/default-types', undefined, at('3.62'))).body, { default_types: [] })
  assert.equal((await ask('PUT', projectId)).status, 200)
})

test('types are filtered by what upstream filters by: users by few things, administrators by what a type has', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  for (const name of ['fast', 'slow']) await admin.call('cinder', 'POST', '/v3/types', { volume_type: { name, description: `${name} disks`, extra_specs: { 'RESKEY:availability_zones': 'nova' } } })
  const list = (who: typeof demo, query: string, version = '3.52') => who.call('cinder', 'GET', `/v3/types?sort=name:asc&${query}`, undefined, at(version))
  const names = async (...asked: Parameters<typeof list>) => (await list(...asked)).body.volume_types.map((type: any) => type.name)
  assert.deepEqual((await list(demo, 'name=fast&foo=x')).body, { badRequest: { code: 400, message: 'Invalid filters name,foo are found in query options.' } })
  const specs = `extra_specs=${encodeURIComponent("{'RESKEY:availability_zones': 'mars'}")}`
  assert.deepEqual(await names(demo, specs), [])
  assert.deepEqual(await names(demo, `name=fast&${specs}`, '3.51'), ['__DEFAULT__', 'fast', 'slow'])
  assert.deepEqual(await names(demo, 'is_public=True&all_tenants=1'), ['__DEFAULT__', 'fast', 'slow'])
  assert.deepEqual([await names(admin, 'name=fast'), await names(admin, `description=${encodeURIComponent('slow disks')}`, '3.0'), await names(admin, 'foo=x')], [['fast'], ['slow'], []])
  assert.deepEqual(await names(admin, specs, '3.0'), [])
})

test('of 30 volumes that are asked for at once as many are made as the gigabytes of the project allow', async (t) => {
  const cloud = await startCloud(t, ['cinder'], { config: { cinder: { quota_volumes: -1, quota_gigabytes: 20 } } })
  const demo = await cloud.login('demo')
  const statuses = (await Promise.all(Array.from({ length: 30 }, () => demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 3 } })))).map(({ status }) => status)
  assert.deepEqual([statuses.filter((status) => status === 202).length, statuses.filter((status) => status === 413).length], [6, 24])
  const { gigabytes } = (await demo.call('cinder', 'GET', `/v3/os-quota-sets/${demo.projectId}?usage=true`)).body.quota_set
  assert.deepEqual(gigabytes, { limit: 20, in_use: 18, reserved: 0 })
})

test('a quota is never overshot, not by many at once', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const set = (quota: Record<string, unknown>) => admin.call('cinder', 'PUT', `/v3/os-quota-sets/${demo.projectId}`, { quota_set: quota })
  assert.equal((await set({ volumes: 5, gigabytes: '100', 'volumes___DEFAULT__': 4 })).body.quota_set.volumes, 5)
  assert.equal((await demo.call('cinder', 'PUT', `/v3/os-quota-sets/${demo.projectId}`, { quota_set: { volumes: 99 } })).status, 403)
  const replies = await Promise.all(Array.from({ length: 12 }, () => demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })))
  const statuses = replies.map((reply) => reply.status)
  assert.deepEqual([statuses.filter((status) => status === 202).length, statuses.filter((status) => status === 413).length], [4, 8])
  assert.deepEqual(replies.find((reply) => reply.status === 413)?.body.overLimit.message, "VolumeLimitExceeded: Maximum number of volumes allowed (4) exceeded for quota 'volumes___DEFAULT__'.")
  await set({ 'volumes___DEFAULT__': -1 })
  const large = await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 97 } })
  assert.equal(large.body.overLimit.message, 'VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested 97G, quota is 100G and 4G has been consumed.')
  const shown = (await demo.call('cinder', 'GET', `/v3/os-quota-sets/${demo.projectId}?usage=true`)).body.quota_set
  assert.deepEqual([shown.volumes, shown.gigabytes, shown.id], [{ limit: 5, in_use: 4, reserved: 0 }, { limit: 100, in_use: 4, reserved: 0 }, demo.projectId])
  assert.equal((await set({ volumes: 3 })).status, 400)
  assert.equal((await set({ nonsense: 3 })).status, 400)
  assert.equal((await demo.call('cinder', 'GET', `/v3/os-quota-sets/${admin.projectId}`)).status, 403)
  const limits = (await demo.call('cinder', 'GET', '/v3/limits')).body.limits
  assert.deepEqual(limits, {
    rate: [], absolute: {
      maxTotalVolumes: 5, maxTotalVolumeGigabytes: 100, maxTotalSnapshots: 10, maxTotalBackups: 10, maxTotalBackupGigabytes: 1000,
      totalVolumesUsed: 4, totalGigabytesUsed: 4, totalSnapshotsUsed: 0, totalBackupsUsed: 0, totalBackupGigabytesUsed: 0,
    },
  })
  assert.equal((await admin.call('cinder', 'DELETE', `/v3/os-quota-sets/${demo.projectId}`)).status, 200)
  assert.equal((await demo.call('cinder', 'GET', `/v3/os-quota-sets/${demo.projectId}`)).body.quota_set.volumes, 10)
  assert.equal((await admin.call('cinder', 'PUT', '/v3/os-quota-class-sets/default', { quota_class_set: { volumes: 4 } })).body.quota_class_set.volumes, 4)
  assert.equal((await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })).status, 413)
})

test('services report, a disabled one gets no volumes, and the owner learns why', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  await readyVolume(demo)
  const listed = (await admin.call('cinder', 'GET', '/v3/os-services', undefined, at('3.70'))).body.services
  // Those that began in one millisecond are listed by their names.
  assert.deepEqual(listed.map(({ updated_at: _at, ...rest }: any) => rest).sort((a: any, b: any) => b.binary.localeCompare(a.binary)), [
    {
      binary: 'cinder-volume', host: 'host-1@fake', zone: 'nova', status: 'enabled', state: 'up', backend_state: 'up', cluster: null, disabled_reason: null,
      replication_status: 'disabled', active_backend_id: null, frozen: false,
    },
    { binary: 'cinder-scheduler', host: 'host-1', zone: 'nova', status: 'enabled', state: 'up', cluster: null, disabled_reason: null },
  ])
  assert.equal((await demo.call('cinder', 'GET', '/v3/os-services')).status, 403)
  assert.deepEqual((await demo.call('cinder', 'GET', '/v3/os-availability-zone')).body, { availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true } }] })
  const pools = (await admin.call('cinder', 'GET', '/v3/scheduler-stats/get_pools?detail=true')).body.pools
  assert.deepEqual([pools.length, pools[0].name, pools[0].capabilities.volume_backend_name], [1, 'host-1@fake#fake', 'fake'])
  assert.ok((await demo.call('cinder', 'GET', '/v3/extensions')).body.extensions.some((each: any) => each.alias === 'os-volume-actions'))

  const put = (path: string, body: unknown) => admin.call('cinder', 'PUT', `/v3/os-services/${path}`, body)
  assert.deepEqual((await put('disable-log-reason', { binary: 'cinder-volume', host: 'host-1@fake', disabled_reason: 'repair' })).body, {
    host: 'host-1@fake', service: '', binary: 'cinder-volume', disabled: true, status: 'disabled', disabled_reason: 'repair',
  })
  assert.equal((await put('disable', { binary: 'cinder-volume', host: 'nowhere' })).status, 404)
  const { body: { volume: { id } } } = await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })
  await until(demo, id, 'error')
  const { messages: [message] } = (await demo.call('cinder', 'GET', `/v3/messages?resource_uuid=${id}`, undefined, at('3.5'))).body
  assert.deepEqual([message.event_id, message.message_level, message.resource_type, message.user_message], [
    'VOLUME_VOLUME_001_003', 'ERROR', 'VOLUME', 'schedule allocate volume: No valid backend was found. No weighed backends available: no backend is up and enabled.',
  ])
  assert.deepEqual((await admin.call('cinder', 'GET', '/v3/messages', undefined, at('3.5'))).body, { messages: [] })
  assert.equal((await demo.call('cinder', 'DELETE', `/v3/messages/${message.id}`, undefined, at('3.3'))).status, 204)
  assert.equal((await demo.call('cinder', 'GET', `/v3/messages/${message.id}`, undefined, at('3.3'))).status, 404)
  assert.equal((await demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)).status, 202)
  await untilGone(demo, id)
  await put('enable', { binary: 'cinder-volume', host: 'host-1@fake' })
  await readyVolume(demo)
})

test('changing a service answers what was sent, and an unknown change is refused', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  await readyVolume(demo)
  const put = async (path: string, more: object = {}, who = admin) => (await who.call('cinder', 'PUT', `/v3/os-services/${path}`, { host: 'host-1@fake', ...more })).body
  const said = { host: 'host-1@fake', service: '', binary: '' }
  assert.deepEqual(await put('disable', { binary: 'cinder-volume' }), { ...said, binary: 'cinder-volume', disabled: true, status: 'disabled' })
  assert.deepEqual(await put('enable', { service: 'cinder-volume' }), { ...said, service: 'cinder-volume', disabled: false, status: 'enabled' })
  assert.deepEqual(await put('disable-log-reason', { binary: 'cinder-volume' }), { ...said, binary: 'cinder-volume', disabled: true, status: 'disabled', disabled_reason: null })
  const reasonAfter = async (path: string, more: object = {}) => {
    await put(path, { binary: 'cinder-volume', ...more })
    const [service] = (await admin.call('cinder', 'GET', '/v3/os-services?binary=cinder-volume')).body.services
    return [service.status, service.disabled_reason]
  }
  assert.deepEqual(await reasonAfter('disable-log-reason', { disabled_reason: 'repair' }), ['disabled', 'repair'])
  assert.deepEqual([await reasonAfter('enable'), await reasonAfter('disable')], [['enabled', 'repair'], ['disabled', 'repair']], 'a reason stays')
  assert.deepEqual(await reasonAfter('disable-log-reason'), ['disabled', null])
  const refusals = [await put('foo'), await put('enable', { binary: 'cinder-volume', host: null })]
  assert.deepEqual(refusals.map(({ badRequest }) => badRequest.message), ['Invalid input received: Unknown action', 'Invalid input received: Host field is missing.'])
  assert.equal((await put('foo', {}, demo)).forbidden.code, 403)
})

test('what no backend offers ends in an error that says so', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  await readyVolume(demo)
  await admin.call('cinder', 'POST', '/v3/types', { volume_type: { name: 'shared', extra_specs: { multiattach: '<is> True' } } })
  const { body: { volume } } = await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, volume_type: 'shared' } })
  assert.equal(volume.multiattach, true)
  await until(demo, volume.id, 'error')
  const { messages: [message] } = (await demo.call('cinder', 'GET', '/v3/messages', undefined, at('3.3'))).body
  assert.match(message.user_message, /CapabilitiesFilter refused 1/)
})
