// Who sees which operations and events, what ends a stream, and what a late reader is told; over one service and the front.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '#core/context'
import { type Session, startCloud } from '../../../app/testing/index.ts'
import { type Watch, watch } from './watching.ts'

const names = ['placement', 'glance', 'neutron', 'cinder', 'nova', 'nimbo'] as const
const onlyVolumes = ['cinder', 'nimbo'] as const

/** A volume that is there, and the operation that made it. */
async function makeVolume(session: Session, name = 'data'): Promise<{ id: string; operation: string }> {
  const reply = await session.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, name } })
  assert.equal(reply.status, 202, JSON.stringify(reply.body))
  for (let tries = 0; tries < 1500; tries++) {
    const { volume } = (await session.call('cinder', 'GET', `/v3/volumes/${reply.body.volume.id}`)).body
    if (volume.status === 'available') return { id: volume.id, operation: String(reply.headers['nimbo-operation-id']) }
    await systemClock.sleep(10)
  }
  return assert.fail('the volume did not become available')
}

/** The real clock, moved forward at will. */
function movedClock(): Clock & { by: number } {
  const clock = {
    ...systemClock, by: 0,
    now: () => new Date(Date.now() + clock.by),
    monotonic: () => performance.now() + clock.by,
  }
  return clock
}

const shown = async (session: Session, path: string) => session.call('nimbo', 'GET', path)

test('an operation is shown to members and readers of its project and to admins, to others it does not exist', async (t) => {
  const cloud = await startCloud(t, onlyVolumes)
  const [demo, reader, stranger, admin] = await Promise.all((['demo', 'reader', 'stranger', 'admin'] as const).map((person) => cloud.login(person)))
  assert.ok(demo && reader && stranger && admin)
  const { id, operation } = await makeVolume(demo)
  for (const service of ['cinder', 'nimbo'] as const) {
    const see = async (session: Session) => session.call(service, 'GET', `/v1/operations/${operation}`)
    const own: any = (await see(demo)).body.operation
    assert.deepEqual([own.kind, own.resource, own.status, own.project_id, own.lease], ['volume.create', { type: 'volume', id }, 'done', demo.projectId, undefined])
    assert.deepEqual(own.steps.map((step: any) => [step.step, step.status]), [['choose-backend', 'done'], ['allocate', 'done'], ['publish', 'done']])
    assert.equal((await see(reader)).status, 200)
    assert.equal((await see(admin)).body.operation.lease.epoch, 1)
    // Where services are missing, the front cannot know that nobody has it.
    assert.equal((await see(stranger)).status, service === 'cinder' ? 404 : 503)
  }
  assert.equal((await cloud.call('nimbo', 'GET', `/v1/operations/${operation}`)).status, 401)
  const list = async (session: Session, query: string) => {
    const reply = await shown(session, `/v1/operations${query}`)
    return reply.status === 200 ? reply.body.operations.map((each: { id: string }) => each.id) : reply.status
  }
  assert.deepEqual(await list(demo, `?resource=${id}`), [operation])
  assert.deepEqual(await list(reader, `?resource=${id}&kind=volume.create&status=done&open=false`), [operation])
  assert.deepEqual(await list(demo, `?resource=${id}&open=true`), [])
  assert.deepEqual(await list(stranger, `?resource=${id}`), [])
  assert.deepEqual(await list(admin, '?kind=volume.create'), [])
  assert.deepEqual(await list(admin, `?resource=${id}&project_id=${admin.projectId}`), [])
  assert.deepEqual(await list(admin, `?resource=${id}&all_projects=false`), [])
  assert.deepEqual(await list(admin, `?resource=${id}&all_projects=true`), [operation])
  assert.deepEqual(await list(admin, `?project_id=${demo.projectId}`), [operation])
  assert.deepEqual(await list(demo, '?all_projects=true'), 403)
  assert.deepEqual(await list(stranger, `?project_id=${demo.projectId}`), 403)
  assert.deepEqual(await list(demo, '?limit=many'), 400)
  assert.deepEqual(await list(demo, '?marker=nothing'), 400)
})

test('an admin finds what he names by its id, whichever project has it: its operations, and its events', async (t) => {
  const cloud = await startCloud(t, onlyVolumes)
  const [demo, stranger, admin] = await Promise.all((['demo', 'stranger', 'admin'] as const).map((person) => cloud.login(person)))
  assert.ok(demo && stranger && admin)
  const [{ id, operation }, other] = [await makeVolume(demo), await makeVolume(demo, 'other')]
  for (const service of ['cinder', 'nimbo'] as const) {
    const list = async (session: Session) => (await session.call(service, 'GET', `/v1/operations?resource=${id}`)).body.operations.map((each: { id: string }) => each.id)
    assert.deepEqual([await list(admin), await list(demo), await list(stranger)], [[operation], [operation], []])
    for (const [query, told] of [[`resource=${id}&type=volume`, ['volume.created', 'volume.state']], [`operation=${other.operation}&type=operation.begun`, ['operation.begun']]] as const) {
      const seen = (session: Session) => watch(cloud, session.token, `${query}&cursor=oldest`, { service })
      const [mine, theirs]: readonly [Watch, Watch] = await Promise.all([seen(admin), seen(stranger)])
      await mine.until(() => mine.events.length >= told.length)
      assert.deepEqual([mine.events.map(({ type }) => type), theirs.events], [told, []])
      for (const stream of [mine, theirs]) await stream.close()
    }
  }
})

test('a list of operations comes page by page, the newest first, and names the services that do not answer', async (t) => {
  const cloud = await startCloud(t, onlyVolumes)
  const demo = await cloud.login('demo')
  const made = []
  for (let count = 0; count < 5; count++) made.unshift((await makeVolume(demo)).operation)
  const seen: string[] = []
  let path: string | undefined = '/v1/operations?limit=2'
  for (let pages = 1; path !== undefined; pages++) {
    const { operations, operations_links: links, unavailable }: any = (await shown(demo, path)).body
    assert.deepEqual(unavailable, ['nova', 'neutron', 'glance'])
    seen.push(...operations.map((each: { id: string }) => each.id))
    path = links?.[0].href.replace(/^http:\/\/[^/]+/, '')
    assert.equal(operations.length, pages < 3 ? 2 : 1)
  }
  assert.deepEqual(seen, made)
})

test('a stream shows a project its own events, an admin those of all and where they happened', async (t) => {
  const cloud = await startCloud(t, onlyVolumes, { sockets: true })
  const [demo, reader, stranger, admin] = await Promise.all((['demo', 'reader', 'stranger', 'admin'] as const).map((person) => cloud.login(person)))
  assert.ok(demo && reader && stranger && admin)
  const [mine, theirs, others, all, one] = await Promise.all([
    watch(cloud, demo.token), watch(cloud, reader.token), watch(cloud, stranger.token), watch(cloud, admin.token, 'all_projects=true'),
    watch(cloud, admin.token, `project_id=${stranger.projectId}&type=volume`, { service: 'cinder' }),
  ])
  const volume = await makeVolume(demo)
  const foreign = await makeVolume(stranger)
  const isEndOf = (operation: string) => (event: { type: string; operation_id: string | null }) => event.type === 'operation.ended' && event.operation_id === operation
  await Promise.all([mine.until(isEndOf(volume.operation)), theirs.until(isEndOf(volume.operation)), others.until(isEndOf(foreign.operation)), all.until(isEndOf(foreign.operation))])
  await one.until((event) => event.type === 'volume.state')

  assert.deepEqual(new Set(mine.events.map((event) => event.project_id)), new Set([demo.projectId]))
  assert.deepEqual(new Set(others.events.map((event) => event.project_id)), new Set([stranger.projectId]))
  assert.deepEqual(theirs.events.map((event) => event.id), mine.events.map((event) => event.id))
  assert.equal(all.events.length, mine.events.length + others.events.length)
  assert.deepEqual(one.events.map((event) => [event.type, event.resource]), ['volume.created', 'volume.state'].map((type) => [type, { type: 'volume', id: foreign.id, name: 'data' }]))
  assert.ok(mine.events.every((event) => event.internals === undefined))
  const available = all.events.find((event) => event.type === 'volume.state' && event.resource.id === volume.id)
  assert.deepEqual([available?.before?.['status'], available?.after?.['status']], ['creating', 'available'])
  assert.match(String(available?.internals?.['host']), /^host-1@/)
  const refused = async (session: Session, query: string) => (await shown(session, `/v1/events?${query}`)).status
  assert.equal(await refused(demo, 'all_projects=true'), 403)
  assert.equal(await refused(stranger, `project_id=${demo.projectId}`), 403)
  assert.equal(await refused(demo, 'cursor=tomorrow'), 400)
  assert.equal(await refused(demo, 'colour=blue'), 400)
  assert.equal((await cloud.call('nimbo', 'GET', '/v1/events')).status, 401)
  for (const stream of [mine, theirs, others, all, one]) await stream.close()
})

test('a stream may be asked for one resource with what belongs to it, or for one operation', async (t) => {
  const cloud = await startCloud(t, onlyVolumes)
  const demo = await cloud.login('demo')
  const [first, second] = [await makeVolume(demo, 'first'), await makeVolume(demo, 'second')]
  const of = await watch(cloud, demo.token, `cursor=oldest&resource=${first.id}`)
  const by = await watch(cloud, demo.token, `cursor=oldest&operation=${second.operation}`)
  const reply = await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: first.id, instance_uuid: '0d3a6b9a-6a3c-4d8e-9b52-0c6f5d2f7a11' } }, { 'openstack-api-version': 'volume 3.70' })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  await of.until((event) => event.type === 'attachment.created')
  await by.until((event) => event.type === 'operation.ended')
  assert.ok(of.events.every((event) => event.resource.id === first.id || event.related['volume_id'] === first.id))
  assert.deepEqual(new Set(by.events.map((event) => event.operation_id)), new Set([second.operation]))
  assert.ok(by.events.some((event) => event.type === 'volume.state' && event.resource.name === 'second'))
  await of.close()
  await by.close()
})

test('a stream ends when its token does, with what a refused request says', async (t) => {
  const clock = movedClock()
  const cloud = await startCloud(t, onlyVolumes, { capabilities: { clock } })
  const demo = await cloud.login('demo')
  const stream = await watch(cloud, demo.token)
  await makeVolume(demo)
  await stream.until((event) => event.type === 'volume.state')
  clock.by = 100 * 24 * 3600 * 1000
  await stream.ended
  assert.deepEqual(stream.others, ['unauthorized'])
})

test('a stream ends soon after its token was revoked', async (t) => {
  const clock = movedClock()
  const cloud = await startCloud(t, onlyVolumes, { capabilities: { clock } })
  const [demo, second] = [await cloud.login('demo'), await cloud.login('demo')]
  const stream = await watch(cloud, demo.token, '', { service: 'cinder' })
  assert.equal((await demo.call('keystone', 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': demo.token })).status, 204)
  clock.by = 20_000
  await makeVolume(second)
  await stream.ended
  assert.deepEqual(stream.others, ['unauthorized'])
  assert.deepEqual(stream.events, [])
})

test('a cursor of another cloud is not taken for one of this', async (t) => {
  const [one, other] = [await startCloud(t, onlyVolumes), await startCloud(t, onlyVolumes)]
  const [here, there] = [await one.login('demo'), await other.login('demo')]
  const stream = await watch(one, here.token, 'cursor=oldest')
  await makeVolume(here)
  await makeVolume(there)
  await stream.until((event) => event.type === 'operation.ended')
  await stream.close()
  const confused = await watch(other, there.token, `cursor=${stream.events[2]?.cursor}`)
  assert.deepEqual([confused.others, confused.events], [['reset'], []])
  await confused.close()
})

test('a project opens so many streams and no more, and may open another when one is closed', async (t) => {
  const cloud = await startCloud(t, onlyVolumes)
  const [demo, stranger] = [await cloud.login('demo'), await cloud.login('stranger')]
  const streams = []
  for (let count = 0; count < 50; count++) streams.push(await watch(cloud, demo.token, '', { service: 'cinder' }))
  assert.equal((await demo.call('cinder', 'GET', '/v1/events')).status, 429)
  await (await watch(cloud, stranger.token, '', { service: 'cinder' })).close()
  await streams.pop()?.close()
  streams.push(await watch(cloud, demo.token, '', { service: 'cinder' }))
  for (const stream of streams) await stream.close()
})

test('the front finds a service again that was gone for a while, and loses nothing', async (t) => {
  const cloud = await startCloud(t, onlyVolumes, { sockets: true })
  const demo = await cloud.login('demo')
  const stream = await watch(cloud, demo.token)
  await stream.close()
  const { createFront } = await import('#core/events')
  const target = cloud.services.cinder
  let reachable = true
  const uplinks = new Set<{ destroy(): void }>()
  const front = createFront({
    authUrl: '', checkReplies: true, capabilities: { clock: { ...systemClock, sleep: (_ms, signal) => systemClock.sleep(20, signal) }, random: {} as never, ids: { uuid: () => '', requestId: () => 'req-1' }, log: (await import('#core/observe')).silentLog },
    services: [{
      ...target,
      async transport(request) {
        if (!reachable) throw new Error('connection refused')
        const reply = await target.transport(request)
        if (reply.body && typeof reply.body === 'object' && 'destroy' in reply.body) uplinks.add(reply.body)
        return reply
      },
    }],
  })
  const through = await watch({ ...cloud, ports: {}, services: { ...cloud.services, nimbo: { ...cloud.services.nimbo, transport: front } } }, demo.token)
  const [one] = [await makeVolume(demo, 'one')]
  await through.until((event) => event.type === 'operation.ended')
  reachable = false
  for (const uplink of uplinks) uplink.destroy()
  const two = await makeVolume(demo, 'two')
  reachable = true
  await through.until((event) => event.type === 'operation.ended' && event.operation_id === two.operation)
  const direct = await watch(cloud, demo.token, `cursor=${stream.cursor}`, { service: 'cinder' })
  await direct.until((event) => event.type === 'operation.ended' && event.operation_id === two.operation)
  assert.notEqual(one.operation, two.operation)
  assert.deepEqual(through.events.map((event) => event.id), direct.events.map((event) => event.id))
  await through.close()
  await direct.close()
})

test('the catalog names the address, and it says what it is', async (t) => {
  const cloud = await startCloud(t, names)
  const demo = await cloud.login('demo')
  const { catalog } = (await demo.call('keystone', 'GET', '/v3/auth/catalog')).body
  assert.equal(catalog.find((each: { type: string }) => each.type === 'nimbo').endpoints[0].url, 'http://127.0.0.1:8790/v1')
  assert.deepEqual((await cloud.call('nimbo', 'GET', '/')).body.versions.map((each: { id: string }) => each.id), ['v1'])
  assert.equal((await shown(demo, '/v1/operations/nothing')).status, 404)
  // What other services answer there is as before.
  assert.equal((await demo.call('glance', 'GET', '/v1')).status, 404)
})
