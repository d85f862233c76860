import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { createCredentials } from '#core/client'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { readText } from '#core/http'
import { silentLog } from '#core/observe'
import { imageFileRoutes, imageRoutes } from '../contract/index.ts'
import { type Session, startCloud, type TestCloud, type TestCloudOptions } from '../../../app/testing/index.ts'

const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' }

interface Prepared {
  readonly cloud: TestCloud
  /** Send data as a stream, as a socket would. */
  upload(session: Session, id: string, pieces: Iterable<Buffer> | AsyncIterable<Buffer>, headers?: Readonly<Record<string, string>>): Promise<{ status: number; body: string }>
  download(session: Session, id: string, headers?: Readonly<Record<string, string>>): Promise<{ status: number; headers: Readonly<Record<string, string>>; data: Buffer }>
  files(): string[]
}

async function prepare(t: TestContext, options: TestCloudOptions = {}): Promise<Prepared> {
  const cloud = await startCloud(t, ['keystone', 'glance'], options)
  const glance = cloud.services.glance
  return {
    cloud,
    async upload(session, id, pieces, headers = {}) {
      const reply = await glance.transport({
        method: 'PUT', path: `/v2/images/${id}/file`, query: '', origin: glance.origin, body: Readable.from(pieces, { objectMode: false }),
        headers: { 'x-auth-token': session.token, 'content-type': 'application/octet-stream', ...headers },
      })
      return { status: reply.status, body: (await readText(reply.body, 10_000)) ?? '' }
    },
    async download(session, id, headers = {}) {
      const reply = await glance.transport({ method: 'GET', path: `/v2/images/${id}/file`, query: '', origin: glance.origin, body: null, headers: { 'x-auth-token': session.token, ...headers } })
      const pieces: Buffer[] = []
      if (reply.body instanceof Readable) for await (const piece of reply.body) pieces.push(piece as Buffer)
      return { status: reply.status, headers: reply.headers, data: Buffer.concat(pieces) }
    },
    files() {
      try {
        return readdirSync(join(cloud.dataDirectory, 'images'))
      } catch {
        return []
      }
    },
  }
}

async function create(session: Session, body: Record<string, unknown> = {}): Promise<any> {
  const made = await session.call('glance', 'POST', '/v2/images', { name: 'disk', disk_format: 'raw', container_format: 'bare', ...body })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  return made.body
}

const eventually = async (is: () => boolean | Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 200 && !(await is()); tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(await is())
}

test('an image is created, filled, shown, read whole and in part, and deleted with its bytes', async (t) => {
  const { cloud, upload, download, files } = await prepare(t)
  const member = await cloud.login('member')
  const image = await create(member, { os_admin_user: 'debian', tags: ['b', 'a'] })
  const data = randomBytes(3 * 1024 * 1024 + 17)

  const uploaded = await upload(member, image.id, [data.subarray(0, 100), data.subarray(100)], { 'content-length': String(data.length) })
  const shown = await member.call('glance', 'GET', `/v2/images/${image.id}`)
  const whole = await download(member, image.id)
  const part = await download(member, image.id, { range: 'bytes=5-9' })
  const end = await download(member, image.id, { range: 'bytes=-3' })
  const old = [`bytes 5-9/${data.length}`, 'bytes 5-9/*'].map((range) => download(member, image.id, { 'content-range': range }))
  const wrong = ['bytes 9-5/*', `bytes ${data.length}-${data.length}/*`, 'bytes 5-9/7', 'bytes */10', 'x'].map((range) => download(member, image.id, { 'content-range': range }))
  const beyond = await download(member, image.id, { range: `bytes=${data.length}-` })
  const [spaced, padded] = [await download(member, image.id, { range: 'bytes = 5 - 9 ' }), await download(member, image.id, { range: `bytes=${' '.repeat(7000)}-${' '.repeat(7000)}x` })]
  const again = await upload(member, image.id, [data])

  assert.deepEqual([uploaded.status, again.status], [204, 409])
  const { created_at, updated_at, ...rest } = shown.body
  assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.match(updated_at, /Z$/)
  assert.deepEqual(rest, {
    id: image.id, name: 'disk', status: 'active', visibility: 'shared', protected: false, os_hidden: false, owner: member.projectId, tags: ['a', 'b'],
    disk_format: 'raw', container_format: 'bare', min_disk: 0, min_ram: 0, size: data.length, virtual_size: data.length,
    checksum: createHash('md5').update(data).digest('hex'), os_hash_algo: 'sha512', os_hash_value: createHash('sha512').update(data).digest('hex'),
    os_admin_user: 'debian', self: `/v2/images/${image.id}`, file: `/v2/images/${image.id}/file`, schema: '/v2/schemas/image', stores: 'file',
  })
  assert.deepEqual([whole.status, whole.headers['content-length'], whole.headers['content-md5']], [200, String(data.length), rest.checksum])
  assert.ok(whole.data.equals(data))
  assert.deepEqual([part.status, part.headers['content-range'], part.data], [206, `bytes 5-9/${data.length}`, data.subarray(5, 10)])
  assert.deepEqual([spaced.status, spaced.data, padded.status], [206, data.subarray(5, 10), 416])
  for (const { status, headers, data: read } of await Promise.all(old)) assert.deepEqual([status, headers['content-range'], read], [206, `bytes 5-9/${data.length}`, data.subarray(5, 10)])
  assert.deepEqual((await Promise.all(wrong)).map(({ status }) => status), [416, 416, 416, 416, 416])
  assert.deepEqual(end.data, data.subarray(-3))
  assert.equal(beyond.status, 416)
  assert.equal(files().length, 1)
  assert.equal((await member.call('glance', 'DELETE', `/v2/images/${image.id}`)).status, 204)
  assert.equal((await member.call('glance', 'GET', `/v2/images/${image.id}`)).status, 404)
  await eventually(() => files().length === 0)
})

test('an upload that is cut off leaves no bytes, and the image takes another one', async (t) => {
  const { cloud, upload, files } = await prepare(t)
  const member = await cloud.login('member')
  const image = await create(member)
  async function* broken() {
    yield randomBytes(2 * 1024 * 1024)
    throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
  }
  const cut = await upload(member, image.id, broken())
  const short = await upload(member, image.id, [Buffer.alloc(10)], { 'content-length': '11' })
  const shown = await member.call('glance', 'GET', `/v2/images/${image.id}`)
  assert.deepEqual([cut.status, short.status, shown.body.status, shown.body.size], [400, 400, 'queued', null])
  assert.deepEqual(files(), [])
  assert.equal((await upload(member, image.id, [Buffer.alloc(10)])).status, 204)
})

test('an upload that fails gives its room back before anything is written about it: on a disk that it has filled nothing can be written', async (t) => {
  const over = Promise.withResolvers<void>()
  let held = false
  // Its operation stands still from when it fails.
  const { cloud, upload, files } = await prepare(t, { capabilities: { clock: { ...systemClock, turn: () => (held ? over.promise : systemClock.turn()) } } })
  const member = await cloud.login('member')
  const image = await create(member)
  async function* failing() {
    yield randomBytes(6 * 1024 * 1024)
    await eventually(() => files().length === 1)
    held = true
    throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
  }
  const failed = upload(member, image.id, failing())
  await eventually(() => held && files().length === 0)
  assert.equal((await member.call('glance', 'GET', `/v2/images/${image.id}`)).body.status, 'saving')
  held = false
  over.resolve()
  assert.equal((await failed).status, 400)
  assert.equal((await upload(member, image.id, [Buffer.alloc(10)])).status, 204)
})

test('deleting an image while it is uploaded ends the stream and frees its bytes', async (t) => {
  const { cloud, upload, files } = await prepare(t)
  const member = await cloud.login('member')
  const image = await create(member)
  let sent = 0
  async function* endless() {
    for (;;) {
      yield randomBytes(256 * 1024)
      sent++
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const uploading = upload(member, image.id, endless())
  await eventually(() => sent > 8 && files().length === 1)
  assert.equal((await member.call('glance', 'GET', `/v2/images/${image.id}`)).body.status, 'saving')
  assert.equal((await member.call('glance', 'DELETE', `/v2/images/${image.id}`)).status, 204)
  assert.equal((await uploading).status, 410)
  assert.deepEqual(files(), [])
})

test('after a restart in the middle of an upload the image waits for data again, and nothing lies about', async (t) => {
  const { cloud, upload, files } = await prepare(t)
  const member = await cloud.login('member')
  const image = await create(member)
  let more = true
  async function* slow() {
    while (more) {
      yield randomBytes(512 * 1024)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  void upload(member, image.id, slow()).catch(() => undefined)
  await eventually(() => files().length === 1)
  const next = await cloud.restart()
  more = false
  const again = await next.login('member')
  // Its data goes first, then what is said of it.
  await eventually(async () => (await again.call('glance', 'GET', `/v2/images/${image.id}`)).body.status === 'queued')
  assert.deepEqual(files(), [])
})

test('content that is not what was declared, or that names other files, is refused and nothing is kept (cases 1 to 3, 7)', async (t) => {
  const { cloud, upload, files } = await prepare(t)
  const member = await cloud.login('member')
  const refused = async (disk_format: string, data: Buffer): Promise<void> => {
    const image = await create(member, { disk_format })
    const { status, body } = await upload(member, image.id, [data])
    assert.equal(status, 415, `${disk_format}: ${body}`)
    assert.equal((await member.call('glance', 'GET', `/v2/images/${image.id}`)).body.status, 'queued')
  }
  const qcow2 = (change: (header: Buffer) => void = () => undefined): Buffer => {
    const data = Buffer.alloc(256 * 1024)
    data.write('QFI\xfb', 0, 'latin1')
    data.writeUInt32BE(3, 4)
    data.writeUInt32BE(16, 20)
    data.writeBigUInt64BE(1024n * 1024n * 1024n, 24)
    data.writeUInt32BE(1, 36)
    data.writeBigUInt64BE(0x30000n, 40)
    data.writeBigUInt64BE(0x10000n, 48)
    data.writeUInt32BE(1, 56)
    data.writeUInt32BE(4, 96)
    data.writeUInt32BE(104, 100)
    change(data)
    return data
  }
  await refused('raw', qcow2())
  await refused('qcow2', Buffer.alloc(1024 * 1024))
  for (const empty of ['qcow2', 'vmdk', 'iso', 'ami']) await refused(empty, Buffer.alloc(0))
  await refused('qcow2', qcow2((header) => {
    header.writeBigUInt64BE(1024n, 8)
    header.writeUInt32BE(11, 16)
    header.write('/etc/passwd', 1024)
  }))
  await refused('qcow2', qcow2((header) => header.writeBigUInt64BE(4n, 72)))
  await refused('vmdk', Buffer.from('# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 2048 FLAT "/etc/passwd" 0\n'.padEnd(4096, '\0')))
  assert.deepEqual(files(), [])
  const good = await create(member, { disk_format: 'qcow2' })
  assert.equal((await upload(member, good.id, [qcow2()])).status, 204)
  assert.equal((await member.call('glance', 'GET', `/v2/images/${good.id}`)).body.virtual_size, 1024 ** 3)
  for (const data of [Buffer.alloc(0), Buffer.alloc(1800), randomBytes(5_000_000)]) {
    const { id } = await create(member)
    assert.equal((await upload(member, id, [data])).status, 204)
    assert.equal((await member.call('glance', 'GET', `/v2/images/${id}`)).body.virtual_size, data.length || null)
  }
})

test('a size cap and the quota of a project hold, also for uploads side by side', async (t) => {
  const { cloud, upload, files } = await prepare(t, { config: { glance: { image_size_cap: 3_000_000, image_size_total: 4, image_count_total: 5 } } })
  const member = await cloud.login('member')
  const images = []
  for (let count = 0; count < 5; count++) images.push((await create(member)).id as string)
  const more = await member.call('glance', 'POST', '/v2/images', { name: 'one too many' })
  const large = await upload(member, images[0] ?? '', [Buffer.alloc(3_000_001)])
  const statuses = await Promise.all(images.map(async (id) => (await upload(member, id, [Buffer.alloc(1_500_000)])).status))
  const usage = await member.call('glance', 'GET', '/v2/info/usage')
  assert.deepEqual([more.status, large.status], [413, 413])
  assert.deepEqual(statuses.toSorted((a, b) => a - b), [204, 204, 413, 413, 413])
  assert.equal(files().length, 2)
  assert.deepEqual(usage.body.usage, {
    image_size_total: { limit: 4, usage: 3 }, image_stage_total: { limit: -1, usage: 0 }, image_count_total: { limit: 5, usage: 5 }, image_count_uploading: { limit: -1, usage: 0 },
  })
})

test('a project that nothing limits has no quota to show', async (t) => {
  const { cloud } = await prepare(t)
  assert.deepEqual((await (await cloud.login('member')).call('glance', 'GET', '/v2/info/usage')).body, { usage: {} })
})

test('what a client may not set is refused (cases 8 and 32)', async (t) => {
  const { cloud } = await prepare(t)
  const member = await cloud.login('member')
  const image = await create(member, { custom: 'x' })
  const patch = async (...changes: object[]) => (await member.call('glance', 'PATCH', `/v2/images/${image.id}`, changes, patchType)).status
  const statuses = {
    status: await patch({ op: 'replace', path: '/status', value: 'active' }),
    location: await patch({ op: 'add', path: '/locations/-', value: { url: 'file:///etc/passwd', metadata: {} } }),
    locations: await patch({ op: 'replace', path: '/locations', value: [] }),
    reserved: await patch({ op: 'add', path: '/os_glance_x', value: 'x' }),
    owner: await patch({ op: 'replace', path: '/owner', value: 'me' }),
    public: await patch({ op: 'replace', path: '/visibility', value: 'public' }),
    number: await patch({ op: 'add', path: '/size_of', value: 7 }),
    missing: await patch({ op: 'replace', path: '/nothing', value: 'x' }),
    removed: await patch({ op: 'remove', path: '/name' }),
    deep: await patch({ op: 'add', path: '/a/b', value: 'x' }),
    pointer: await patch({ op: 'add', path: 'a', value: 'x' }),
    proto: await patch({ op: 'add', path: '/__proto__', value: 'x' }),
    inherited: await patch({ op: 'remove', path: '/toString' }),
    constructor: await patch({ op: 'add', path: '/constructor', value: 'Porsche' }),
    operation: await patch({ op: 'move', path: '/a' }),
    half: await patch({ op: 'replace', path: '/name', value: 'changed' }, { op: 'remove', path: '/nothing' }),
  }
  assert.deepEqual(statuses, {
    status: 403, location: 403, locations: 403, reserved: 403, owner: 403, public: 403, number: 400, missing: 409, removed: 403, deep: 400, pointer: 400, proto: 400, inherited: 409, constructor: 200, operation: 400, half: 409,
  })
  assert.equal((await member.call('glance', 'PATCH', `/v2/images/${image.id}`, [], { 'content-type': 'application/json' })).status, 415)
  assert.equal((await member.call('glance', 'GET', `/v2/images/${image.id}`)).body.name, 'disk')
  for (const body of [{ status: 'active' }, { locations: 'file:///etc/passwd' }, { os_glance_a: 'b' }, { visibility: 'public' }, { owner: 'somebody' }]) {
    assert.equal((await member.call('glance', 'POST', '/v2/images', body)).status, 403, JSON.stringify(body))
  }
  for (const body of [{ disk_format: 'exe' }, { min_ram: -1 }, { id: '../../etc' }, { name: 'x'.repeat(256) }, { number: 1 }]) {
    assert.equal((await member.call('glance', 'POST', '/v2/images', body)).status, 400, JSON.stringify(body))
  }
})

test('an image of one of Amazon\'s formats is taken in any container, as v2 always did', async (t) => {
  const { cloud, upload } = await prepare(t)
  const member = await cloud.login('member')
  for (const disk_format of ['ami', 'ari', 'aki']) {
    const image = await create(member, { disk_format, container_format: 'bare' })
    assert.equal((await upload(member, image.id, [randomBytes(1500)])).status, 204)
    const { status, size, virtual_size } = (await member.call('glance', 'GET', `/v2/images/${image.id}`)).body
    assert.deepEqual([status, size, virtual_size], ['active', 1500, null])
  }
})

test('properties, tags and attributes change by both forms of patch', async (t) => {
  const { cloud } = await prepare(t)
  const member = await cloud.login('member')
  const image = await create(member, { old: 'x' })
  const changed = await member.call('glance', 'PATCH', `/v2/images/${image.id}`, [
    { op: 'add', path: '/a~1b', value: 'slash' }, { op: 'remove', path: '/old' }, { op: 'replace', path: '/tags', value: ['x', 'x'] },
    { op: 'replace', path: '/min_ram', value: 64 }, { op: 'replace', path: '/protected', value: true },
  ], patchType)
  const old = await member.call('glance', 'PATCH', `/v2/images/${image.id}`, [{ replace: '/name', value: 'new' }], { 'content-type': 'application/openstack-images-v2.0-json-patch' })
  const guarded = await member.call('glance', 'DELETE', `/v2/images/${image.id}`)
  const tagged = [(await member.call('glance', 'PUT', `/v2/images/${image.id}/tags/y`)).status, (await member.call('glance', 'DELETE', `/v2/images/${image.id}/tags/x`)).status, (await member.call('glance', 'DELETE', `/v2/images/${image.id}/tags/x`)).status]
  const shown = (await member.call('glance', 'GET', `/v2/images/${image.id}`)).body
  assert.deepEqual([changed.status, changed.body['a/b'], changed.body.old, old.body.name, guarded.status, tagged], [200, 'slash', undefined, 'new', 403, [204, 204, 404]])
  assert.deepEqual([shown.tags, shown.min_ram], [['y'], 64])
})

test('who sees and does what: member, reader, stranger, admin, and a project that it is shared with', async (t) => {
  const { cloud, upload, download } = await prepare(t)
  const [member, reader, stranger, admin] = [await cloud.login('member'), await cloud.login('reader'), await cloud.login('stranger'), await cloud.login('admin')]
  const { id } = await create(member)
  await upload(member, id, [Buffer.from('data')])
  const path = `/v2/images/${id}`
  const see = async () => Promise.all([member, reader, stranger, admin].map(async (who) => (await who.call('glance', 'GET', path)).status))
  const listed = async (who: Session, query = '') => (await who.call('glance', 'GET', `/v2/images${query}`)).body.images.length as number
  const patch = (who: Session, visibility: string) => who.call('glance', 'PATCH', path, [{ op: 'replace', path: '/visibility', value: visibility }], patchType)

  assert.deepEqual(await see(), [200, 200, 404, 200])
  assert.deepEqual([(await reader.call('glance', 'DELETE', path)).status, (await reader.call('glance', 'POST', '/v2/images', { name: 'x' })).status, (await download(reader, id)).status], [403, 403, 403])
  assert.deepEqual([(await stranger.call('glance', 'DELETE', path)).status, (await download(stranger, id)).status, (await upload(stranger, id, [])).status], [404, 404, 404])

  const shared = await member.call('glance', 'POST', `${path}/members`, { member: stranger.projectId })
  assert.deepEqual([shared.status, shared.body.status, (await see())[2], await listed(stranger), await listed(stranger, '?visibility=shared&member_status=pending')], [200, 'pending', 200, 0, 1])
  assert.equal((await member.call('glance', 'POST', `${path}/members`, { member: stranger.projectId })).status, 409)
  assert.equal((await member.call('glance', 'PUT', `${path}/members/${stranger.projectId}`, { status: 'accepted' })).status, 403)
  assert.equal((await stranger.call('glance', 'PUT', `${path}/members/${stranger.projectId}`, { status: 'maybe' })).status, 400)
  assert.equal((await stranger.call('glance', 'PUT', `${path}/members/${stranger.projectId}`, { status: 'accepted' })).status, 200)
  assert.deepEqual([await listed(stranger), (await download(stranger, id)).data.toString(), (await stranger.call('glance', 'DELETE', path)).status], [1, 'data', 403])
  assert.equal((await stranger.call('glance', 'DELETE', `${path}/members/${stranger.projectId}`)).status, 403)
  assert.equal((await member.call('glance', 'DELETE', `${path}/members/${stranger.projectId}`)).status, 204)
  assert.equal((await see())[2], 404)

  assert.deepEqual([(await patch(member, 'public')).status, (await patch(member, 'community')).status, (await see())[2], await listed(stranger), await listed(stranger, '?visibility=community')], [403, 200, 200, 0, 1])
  assert.deepEqual([(await patch(admin, 'public')).status, await listed(stranger), (await member.call('glance', 'GET', `${path}/members`)).status], [200, 1, 403])
  assert.equal((await admin.call('glance', 'POST', `${path}/actions/deactivate`)).status, 204)
  assert.deepEqual([(await download(member, id)).status, (await download(admin, id)).status], [403, 200])
  assert.equal((await stranger.call('glance', 'POST', `${path}/actions/reactivate`)).status, 403)
  assert.equal((await admin.call('glance', 'POST', `${path}/actions/reactivate`)).status, 204)
  assert.equal((await download(member, id)).status, 200)
})

test('lists: filters, order, pages', async (t) => {
  const { cloud, upload } = await prepare(t)
  const member = await cloud.login('member')
  for (const [name, more] of [['a', { kind: 'x', tags: ['t'] }], ['b,1', { kind: 'y' }], ['c', { os_hidden: true }], ['d', { kind: 'x', protected: true }]] as const) await create(member, { name, ...more })
  const active = await create(member, { name: 'e' })
  await upload(member, active.id, [Buffer.alloc(1000)])
  const names = async (query: string) => {
    const { status, body } = await member.call('glance', 'GET', `/v2/images?sort=name:asc&${query}`)
    return status === 200 ? body.images.map((image: { name: string }) => image.name).join(' ') : status
  }
  const found: Record<string, unknown> = {}
  const queries = [
    '', 'name=a', 'name=in:a,"b,1"', 'name=in: a , "b,1" ,c', `name=in:${'+'.repeat(15000)}"`, 'kind=x', 'kind=x&tag=t', 'os_hidden=true', 'status=active', 'size_min=1', 'size_max=999', 'protected=true', 'created_at=gt:2000-01-01T00:00:00Z',
    'created_at=lt:2000-01-01T00:00:00Z', 'owner=nobody', 'visibility=public', 'visibility=strange', 'limit=x', 'created_at=gt:never', 'marker=x', 'size_min=-1', 'sort_key=name',
  ]
  for (const query of queries) found[query] = await names(query)
  assert.deepEqual(found, {
    '': 'a b,1 d e', 'name=a': 'a', 'name=in:a,"b,1"': 'a b,1', 'name=in: a , "b,1" ,c': 'a b,1', [`name=in:${'+'.repeat(15000)}"`]: 400, 'kind=x': 'a d', 'kind=x&tag=t': 'a', 'os_hidden=true': 'c', 'status=active': 'e', 'size_min=1': 'e', 'size_max=999': '', 'protected=true': 'd',
    'created_at=gt:2000-01-01T00:00:00Z': 'a b,1 d e', 'created_at=lt:2000-01-01T00:00:00Z': '', 'owner=nobody': '', 'visibility=public': '', 'visibility=strange': 400, 'limit=x': 400,
    'created_at=gt:never': 400, 'marker=x': 400, 'size_min=-1': 400, 'sort_key=name': 400,
  })
  const pages: string[] = []
  let next: string | undefined = '/v2/images?limit=3&sort_key=name&sort_dir=desc'
  while (next !== undefined) {
    const { body }: { body: any } = await member.call('glance', 'GET', next)
    assert.equal(body.first, '/v2/images?limit=3&sort_key=name&sort_dir=desc')
    pages.push(body.images.map((image: { name: string }) => image.name).join(' '))
    next = body.next
  }
  assert.deepEqual(pages, ['e d b,1', 'a'])
})

test('discovery, schemas and stores answer as clients expect', async (t) => {
  const { cloud } = await prepare(t)
  const member = await cloud.login('member')
  assert.equal((await cloud.call('glance', 'GET', '/')).status, 300)
  const versions = await cloud.call('glance', 'GET', '/versions')
  assert.equal(versions.body.versions[0].status, 'CURRENT')
  assert.equal((await cloud.call('glance', 'GET', '/v2/images')).status, 401)
  for (const noun of ['image', 'images', 'member', 'members']) assert.equal((await member.call('glance', 'GET', `/v2/schemas/${noun}`)).body.name, noun)
  assert.deepEqual((await member.call('glance', 'GET', '/v2/info/import')).body['import-methods'].value, [])
  assert.equal((await member.call('glance', 'GET', '/v2/info/stores')).body.stores[0].id, 'file')
  assert.equal((await member.call('glance', 'GET', '/v2/info/stores/detail')).status, 403)
})

test('HEAD is told what a path has instead, as upstream', async (t) => {
  const cloud = await startCloud(t, ['glance'])
  const admin = await cloud.login('admin')
  const { body: image } = await admin.call('glance', 'POST', '/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare' })
  const ask = async (path: string) => {
    const { status, headers } = await admin.call('glance', 'HEAD', path)
    return [status, headers['allow'] ?? headers['Allow']]
  }
  assert.deepEqual(await ask('/v2/images'), [405, 'GET, POST'])
  assert.deepEqual(await ask(`/v2/images/${image.id}`), [405, 'DELETE, GET, PATCH'])
  assert.deepEqual(await ask(`/v2/images/${image.id}/file`), [405, 'GET, PUT'])
})

test('a fault comes in the form that its client prefers: a page, JSON, or text', async (t) => {
  const { cloud } = await prepare(t)
  const member = await cloud.login('member')
  const ask = async (headers: Record<string, string>) => {
    const { status, headers: answered, body } = await member.call('glance', 'GET', '/v2/images/a%3Cb', undefined, headers)
    return [status, answered['content-type'], body]
  }
  const page = '<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  No image found with ID a&lt;b<br /><br />\n\n\n\n </body>\n</html>'
  for (const accept of ['*/*', 'text/html']) assert.deepEqual(await ask({ accept }), [404, 'text/html; charset=UTF-8', page])
  assert.deepEqual(await ask({ accept: 'application/json' }), [404, 'application/json', { message: 'No image found with ID a<b<br /><br />\n\n\n', code: '404 Not Found', title: 'Not Found' }])
  for (const headers of [{ accept: 'text/plain' }, {}]) assert.deepEqual(await ask(headers), [404, 'text/plain; charset=UTF-8', '404 Not Found\n\nNo image found with ID a<b\n\n   '])
})

test('an image that is not there is told in the words of who looks for it', async (t) => {
  const { cloud, upload } = await prepare(t)
  const member = await cloud.login('member')
  const id = randomUUID()
  const ask = async (method: string, path: string, body?: unknown, headers = {}) =>
    (await member.call('glance', method, `/v2/images/${id}${path}`, body, { accept: 'application/json', ...headers })).body.message.split('<br')[0]
  const message = (text: string) => text.split('\n')[2]
  assert.equal(await ask('GET', ''), `No image found with ID ${id}`)
  assert.equal(await ask('PATCH', '', [], patchType), `No image found with ID ${id}`)
  assert.equal(await ask('GET', '/file'), `No image found with ID ${id}`)
  assert.equal(message((await upload(member, id, [])).body), `No image found with ID ${id}`)
  assert.equal(await ask('DELETE', ''), `Failed to find image ${id} to delete`)
  for (const [method, path, body] of [
    ['GET', '/members'], ['POST', '/members', { member: 'x' }], ['GET', '/members/x'], ['PUT', '/members/x', { status: 'accepted' }], ['DELETE', '/members/x'], ['PUT', '/tags/x'], ['DELETE', '/tags/x'],
  ] as const) assert.equal(await ask(method, path, body), `Image ${id} not found.`, `${method} ${path}`)
})

test('members of an image that is not shared are refused in the words of each request, and one of them is not found', async (t) => {
  const { cloud } = await prepare(t)
  const member = await cloud.login('member')
  const { id } = await create(member, { visibility: 'private' })
  const ask = async (method: string, path: string, body?: unknown) => {
    const { status, body: { message } } = await member.call('glance', method, `/v2/images/${id}/members${path}`, body, { accept: 'application/json' })
    return [status, message.split('<br')[0]]
  }
  assert.deepEqual(await ask('GET', ''), [403, `Not allowed to list members for image ${id}: Only shared images have members.`])
  assert.deepEqual(await ask('POST', '', { member: 'x' }), [403, `Not allowed to create members for image ${id}.`])
  assert.deepEqual(await ask('GET', '/x'), [404, 'Only shared images have members.'])
  assert.deepEqual(await ask('PUT', '/x', { status: 'accepted' }), [403, `Not allowed to update members for image ${id}.`])
  assert.deepEqual(await ask('DELETE', '/x'), [403, `Not allowed to delete members for image ${id}.`])
})

test('of the body that names a member only its name is read, and it must be one', async (t) => {
  const { cloud } = await prepare(t)
  const [member, stranger] = [await cloud.login('member'), await cloud.login('stranger')]
  const { id } = await create(member)
  const ask = async (who: Session, method: string, path: string, body: unknown) => {
    const { status, body: answered } = await who.call('glance', method, `/v2/images/${id}/members${path}`, body, { accept: 'application/json' })
    return status === 200 ? status : answered.message.split('<br')[0]
  }
  assert.equal(await ask(member, 'POST', '', { x: 1 }), 'Member to be added not specified')
  for (const nobody of ['', null]) assert.equal(await ask(member, 'POST', '', { member: nobody }), "Member can't be empty")
  assert.equal(await ask(member, 'POST', '', { member: stranger.projectId, x: 1 }), 200)
  assert.equal(await ask(stranger, 'PUT', `/${stranger.projectId}`, { x: 1 }), 'Status not specified')
  assert.equal(await ask(stranger, 'PUT', `/${stranger.projectId}`, { status: 'maybe' }), 'Incorrect request: Status must be "pending", "accepted" or "rejected".')
  assert.equal(await ask(stranger, 'PUT', `/${stranger.projectId}`, { status: 'accepted', x: 1 }), 200)
})

test('a body is read as JSON whatever it says of itself, but a patch says which form it has', async (t) => {
  const { cloud } = await prepare(t)
  const [member, stranger] = [await cloud.login('member'), await cloud.login('stranger')]
  const form = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
  const made = await member.call('glance', 'POST', '/v2/images', { name: 'by curl' }, form)
  assert.deepEqual([made.status, made.body.name], [201, 'by curl'])
  const path = `/v2/images/${made.body.id}`
  assert.equal((await member.call('glance', 'POST', `${path}/members`, { member: stranger.projectId }, form)).status, 200)
  for (const headers of [form, { ...form, 'content-type': 'application/json' }]) {
    const refused = await member.call('glance', 'PATCH', path, { name: 'x' }, headers)
    assert.deepEqual([refused.status, refused.headers['accept-patch']], [415, 'application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch'])
  }
  const patch = async (body: unknown, type = patchType) => (await member.call('glance', 'PATCH', path, body, { ...form, ...type })).body.message.split('<br')[0]
  const available = 'It must be one of the following: add, remove, replace.'
  assert.equal(await patch({ name: 'x' }), 'Request body must be a JSON array of operation objects.')
  assert.equal(await patch([{ path: '/name' }]), `Unable to find \`op\` in JSON Schema change. ${available}`)
  assert.equal(await patch([{ op: 'move', path: '/name' }]), `Invalid operation: \`move\`. ${available}`)
  const old = { 'content-type': 'application/openstack-images-v2.0-json-patch' }
  assert.equal(await patch([{ add: '/name', remove: '/name' }], old), 'Operation objects must contain only one member named "add", "remove", or "replace".')
  assert.equal(await patch([{}], old), 'Operation objects must contain exactly one member named "add", "remove", or "replace".')
  assert.match(await patch([{ op: 'replace', path: '/name', value: 5 }]), /^Provided object does not match schema 'image': .*\bname\b.*\b5\b/)
})

test('properties that are known by name are checked, and described in the schema', async (t) => {
  const { cloud } = await prepare(t)
  const member = await cloud.login('member')
  const kernel = randomUUID()
  for (const wrong of [{ kernel_id: 'zzz' }, { ramdisk_id: '' }, { cinder_encryption_key_deletion_policy: 'bogus' }, { description: null }, { os_distro: null }]) {
    assert.equal((await member.call('glance', 'POST', '/v2/images', wrong)).status, 400, JSON.stringify(wrong))
  }
  const made = await create(member, { kernel_id: kernel, ramdisk_id: null, description: 'mine', cinder_encryption_key_deletion_policy: 'do_not_delete' })
  assert.deepEqual([made.kernel_id, made.ramdisk_id ?? null, made.description, made.cinder_encryption_key_deletion_policy], [kernel, null, 'mine', 'do_not_delete'])
  const change = async (value: unknown) => member.call('glance', 'PATCH', `/v2/images/${made.id}`, [{ op: 'replace', path: '/kernel_id', value }], patchType)
  assert.equal((await change('zzz')).status, 400)
  const { status, body } = await change(null)
  assert.deepEqual([status, body.kernel_id ?? null, body.description], [200, null, 'mine'])
  const { properties } = (await member.call('glance', 'GET', '/v2/schemas/image')).body
  const { description: _kernel, ...rest } = properties.kernel_id
  assert.deepEqual(rest, { type: ['null', 'string'], is_base: false, pattern: properties.id.pattern })
  assert.deepEqual(properties.cinder_encryption_key_deletion_policy.enum, ['on_image_deletion', 'do_not_delete'])
})

test('what a rule does not allow is told in the words that clients of images know, whoever checks it', async (t) => {
  const { cloud } = await prepare(t)
  const [member, reader] = [await cloud.login('member'), await cloud.login('reader')]
  const { id } = await create(member)
  // The first is checked by the table of routes, the others by the domain, which knows the image.
  for (const [rule, asked] of [
    ['stores_info_detail', member.call('glance', 'GET', '/v2/info/stores/detail')], ['add_image', reader.call('glance', 'POST', '/v2/images', { name: 'x' })],
    ['delete_image', reader.call('glance', 'DELETE', `/v2/images/${id}`)], ['modify_image', reader.call('glance', 'PUT', `/v2/images/${id}/tags/old`)],
  ] as const) {
    const { status, headers, body } = await asked
    assert.deepEqual([status, headers['content-type']], [403, 'text/plain; charset=UTF-8'])
    assert.equal(String(body).split('\n')[2], `You are not authorized to complete ${rule} action.`)
  }
})

test('a service that repeats a create with its key gets its first answer, and a traced download leaves its steps', async (t) => {
  const { cloud, upload, download } = await prepare(t)
  const member = await cloud.login('member')
  const credentials = createCredentials({
    keystone: cloud.services.keystone, userName: 'nova', password: `nova-${'s'.repeat(32)}`, capabilities: { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog },
  })
  const service = { 'x-service-token': await credentials.service(), 'idempotency-key': 'operation/create', 'x-nimbo-trace': 'trace-1' }
  const body = { name: 'snapshot', disk_format: 'raw', container_format: 'bare' }
  const first = await member.call('glance', 'POST', '/v2/images', body, service)
  const second = await member.call('glance', 'POST', '/v2/images', body, service)
  assert.deepEqual([first.status, second.status, second.body.id], [201, 201, first.body.id])

  await upload(member, first.body.id, [Buffer.alloc(100)])
  await download(member, first.body.id)
  assert.deepEqual(await cloud.trace.spans('trace-1'), [])
  await member.call('glance', 'GET', `/v2/images/${first.body.id}`, undefined, service)
  await download(member, first.body.id, service)
  const spans = await cloud.trace.spans('trace-1')
  assert.deepEqual(spans.map(({ step, outcome }) => [step, outcome]), [[21, 'cached'], [22, 'cached'], [23, 'done'], [24, 'done'], [25, 'done'], [26, 'done']])
  await member.call('glance', 'GET', `/v2/images/${first.body.id}/file`, undefined, { 'x-nimbo-trace': 'trace-2' })
  assert.deepEqual(await cloud.trace.spans('trace-2'), [])
})

test('the typed client uploads, lists and downloads, as other services do', async (t) => {
  const { cloud } = await prepare(t)
  const member = await cloud.login('member')
  const made = await member.client(imageRoutes).createImage({ body: { name: 'typed', disk_format: 'raw', container_format: 'bare' } })
  const id = made.body.id
  await member.client(imageFileRoutes).uploadImage({ params: { image_id: id }, body: Readable.from([Buffer.from('typed data')], { objectMode: false }) })
  const shown = await member.client(imageRoutes).showImage({ params: { image_id: id } })
  const listed = await member.client(imageRoutes).listImages({ query: { name: 'typed' } })
  const { status, body } = await member.client(imageFileRoutes).downloadImage({ params: { image_id: id } })
  const pieces: Uint8Array[] = []
  if (body) for await (const piece of body) pieces.push(piece)
  assert.deepEqual([shown.body.status, listed.body.images.length, status, Buffer.concat(pieces).toString()], ['active', 1, 200, 'typed data'])
})
