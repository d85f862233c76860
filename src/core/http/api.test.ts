// The pipeline without a socket: what comes in broken goes out as a fault in the service's form, and nothing else happens.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Identity, systemClock, systemIds, systemRandom } from '#core/context'
import { Conflict, Unauthorized } from '#core/errors'
import { silentLog } from '#core/observe'
import { compilePolicy } from '#core/policy'
import { anonymous, Closed, defineRoutes, defineVersions, Name, Type, versioned } from '#core/spec'
import { type ApiRequest, computeFaults, createApi, type Handlers, listen, serve } from './index.ts'

const Thing = Closed({ thing: Closed({ name: Name, size: Type.Optional(Type.Integer({ minimum: 1 })) }) })
const things = defineRoutes('compute', {
  createThing: { method: 'POST', path: '/things', policy: 'things:create', summary: 'Make.', body: versioned({ '2.1': Thing }), reply: { 200: Thing }, faults: [400, 403, 409] },
  showThing: { method: 'GET', path: '/things/:id', policy: 'things:show', summary: 'Show.', reply: { 200: Type.Object({ id: Type.String() }) }, faults: [404] },
  newThing: { method: 'GET', path: '/new', since: '2.3', policy: 'things:show', summary: 'New.', reply: { 204: null }, faults: [] },
  start: { method: 'POST', path: '/things/:id/action', action: 'start', policy: 'things:show', summary: 'Start.', body: Type.Object({ start: Type.Null() }), reply: { 202: null }, faults: [] },
  stop: { method: 'POST', path: '/things/:id/action', action: 'stop', policy: 'things:show', summary: 'Stop.', body: Type.Object({ stop: Type.Null() }), reply: { 202: null }, faults: [] },
  ping: { method: 'GET', path: '/ping', policy: anonymous, summary: 'Answer.', reply: { 200: Type.Object({}) }, faults: [] },
})

const handlers: Handlers<typeof things> = {
  async createThing({ body }) {
    if (body.thing.name === 'taken') throw new Conflict('There is one already.')
    if (body.thing.name === 'broken') throw new Error('password=hunter2')
    return { status: 200, body }
  },
  showThing: async ({ params }) => ({ status: 200, body: { id: params.id } }),
  newThing: async () => ({ status: 204 }),
  async start({ ctx, params }) {
    ctx.begun?.push(`${params.id}-1`, `${params.id}-2`)
    if (params.id === 'broken') throw new Conflict('It could not be ended.')
    return { status: 202 }
  },
  stop: async () => ({ status: 202 }),
  ping: async () => ({ status: 200, body: {} }),
}

const identity: Identity = { userId: 'u', userName: 'u', userDomainId: 'default', userDomainName: 'Default', projectId: 'abc123', roles: ['member'] }
const api = createApi({
  service: 'compute', prefix: '/v2.1', legacyPrefix: '/v2', projectInPath: 'optional', routes: [serve(things, handlers)], faults: computeFaults, authUrl: 'http://auth',
  versions: { list: defineVersions([{ version: '2.1', summary: 'a' }, { version: '2.3', summary: 'b' }]), type: 'compute', legacyHeader: 'X-OpenStack-Nova-API-Version' },
  policy: compilePolicy([{ name: 'things:create', check: 'role:member', description: '' }, { name: 'things:show', check: '', description: '' }]),
  capabilities: { clock: systemClock, random: systemRandom, ids: { ...systemIds, requestId: () => 'req-1' }, log: silentLog },
  authenticate: (token) => {
    if (token === 'reader') return { identity: { ...identity, roles: ['reader'] }, fromCache: false }
    if (token !== 'good') throw new Unauthorized('The request you have made requires authentication.')
    return { identity, fromCache: false }
  },
})

async function ask(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
  const [pathname = '', query = ''] = path.split('?')
  const request: ApiRequest = { method, path: pathname, query, headers: { 'x-auth-token': 'good', ...(body !== undefined && { 'content-type': 'application/json' }), ...headers }, body: body ?? null, origin: 'http://here' }
  const reply = await api(request)
  return { status: reply.status, headers: reply.headers, body: typeof reply.body === 'string' && reply.body !== '' ? (JSON.parse(reply.body) as unknown) : undefined }
}

const fault = (name: string, code: number, message: string) => ({ [name]: { code, message } })

test('broken, wrong and over-long bodies are refused with the field that is wrong', async () => {
  const cases: [string, RegExp][] = [
    ['{', /not valid JSON/], ['[]', /\[\] is not of type 'object'/], ['{"thing":{}}', /'name' is a required property/], ['{"thing":{"name":5}}', /Invalid input for field\/attribute name. Value: 5. 5 is not of type 'string'/],
    ['{"thing":{"name":"a","colour":"red"}}', /'colour' was unexpected/], [`{"thing":{"name":"${'x'.repeat(256)}"}}`, /x' is too long$/],
    ['{"thing":{"name":"a","size":0}}', /0 is less than the minimum of 1/], ['{"thing":{"name":"a","__proto__":{}}}', /__proto__/], ['{"thing":{"name":"a\\u0000b"}}', /U\+0000/], ['{"thing":{"name":"a","\\u0000":1}}', /U\+0000/], ['', /needs a body/],
    ['{"thing":{"name":"\\ud800"}}', /surrogate/], ['{"thing":{"name":"a","\\udfff":1}}', /surrogate/],
  ]
  for (const [body, problem] of cases) {
    const reply = await ask('POST', '/v2.1/things', body)
    assert.equal(reply.status, 400, body)
    assert.match((reply.body as { badRequest: { message: string } }).badRequest.message, problem)
  }
  assert.equal((await ask('POST', '/v2.1/things', `{"thing":{"name":"${'x'.repeat(200_000)}"}}`)).status, 413)
  assert.equal((await ask('POST', '/v2.1/things', '{}', { 'content-type': 'text/xml' })).status, 415)
})

test('a text whose bytes are no text is refused, not kept as something else', async () => {
  const broken = Readable.from([Buffer.from('{"thing":{"name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}}')])
  const reply = await api({ method: 'POST', path: '/v2.1/things', query: '', headers: { 'x-auth-token': 'good', 'content-type': 'application/json' }, body: broken, origin: '' })
  assert.deepEqual([reply.status, JSON.parse(reply.body as string)], [400, fault('badRequest', 400, 'The request body is not valid UTF-8.')])
  const umlaut = await ask('POST', '/v2.1/things', '{"thing":{"name":"Zürich \\ud83d\\ude00"}}')
  assert.deepEqual([umlaut.status, umlaut.body], [200, { thing: { name: 'Zürich 😀' } }])
})

test('an unforeseen error shows its request id and nothing of its inside', async () => {
  const reply = await ask('POST', '/v2.1/things', '{"thing":{"name":"broken"}}')
  assert.deepEqual([reply.status, reply.body], [500, fault('computeFault', 500, 'An unexpected error occurred. The log has its cause under req-1.')])
})

test('tokens: none, a forged one, one without the right', async () => {
  const none = await api({ method: 'GET', path: '/v2.1/things/1', query: '', headers: {}, body: null, origin: '' })
  assert.deepEqual([none.status, none.headers['WWW-Authenticate']], [401, 'Keystone uri="http://auth"'])
  assert.equal((await ask('GET', '/v2.1/things/1', undefined, { 'x-auth-token': 'forged' })).status, 401)
  assert.equal((await ask('POST', '/v2.1/things', '{"thing":{"name":"a"}}', { 'x-auth-token': 'reader' })).status, 403)
  assert.equal((await ask('GET', '/v2.1/ping', undefined, { 'x-auth-token': '' })).status, 200)
})

test('identity headers from outside mean nothing', async () => {
  const reply = await ask('POST', '/v2.1/things', '{"thing":{"name":"a"}}', { 'x-auth-token': 'reader', 'x-roles': 'admin,member', 'x-user-id': 'root', 'x-service-roles': 'service' })
  assert.equal(reply.status, 403)
})

test('unknown paths, methods, actions, and another project in the path', async () => {
  assert.equal((await ask('GET', '/v2.1/nothing')).status, 404)
  for (const path of ['/v2.1/things/', '/v2.1//things/1', '/v2.1/things//1', '/v2.1/ping/']) assert.equal((await ask('GET', path)).status, 404, path)
  assert.equal((await ask('GET', '/elsewhere')).status, 404)
  const method = await ask('DELETE', '/v2.1/things')
  assert.deepEqual([method.status, method.headers['Allow']], [405, 'POST'])
  assert.equal((await ask('POST', '/v2.1/things/1/action', '{"start":null}')).status, 202)
  assert.equal((await ask('POST', '/v2.1/things/1/action', '{"explode":null}')).status, 400)
  assert.equal((await ask('POST', '/v2.1/things/1/action', '{"start":null,"stop":null}')).status, 400)
  assert.equal((await ask('GET', '/v2.1/abc123/things/1')).status, 200)
  assert.equal((await ask('GET', '/v2.1/def456/things/1')).status, 400)
  assert.equal((await ask('GET', '/v2.1/things/%zz')).status, 404)
})

test('a path or a query that holds U+0000 never comes to a database', async () => {
  assert.equal((await ask('GET', '/v2.1/things/a%00b')).status, 404)
  assert.deepEqual(await ask('GET', '/v2.1/things/a?name=a%00b').then(({ status, body }) => [status, body]), [400, fault('badRequest', 400, 'A text must not hold the character U+0000.')])
  assert.equal((await ask('GET', '/v2.1/things/a?name=a%2500b')).status, 200)
})

test('microversions: the minimum by default, latest, unknown ones, and routes that came later', async () => {
  assert.equal((await ask('GET', '/v2.1/new')).status, 404)
  const latest = await ask('GET', '/v2.1/new', undefined, { 'openstack-api-version': 'compute latest' })
  assert.deepEqual([latest.status, latest.headers['OpenStack-API-Version'], latest.headers['X-OpenStack-Nova-API-Version']], [204, 'compute 2.3', '2.3'])
  assert.equal((await ask('GET', '/v2.1/new', undefined, { 'x-openstack-nova-api-version': '2.3' })).status, 204)
  assert.equal((await ask('GET', '/v2.1/things/1', undefined, { 'openstack-api-version': 'compute 2.99' })).status, 406)
  assert.equal((await ask('GET', '/v2.1/things/1', undefined, { 'openstack-api-version': 'compute two' })).status, 400)
  assert.equal((await ask('GET', '/v2.1/new', undefined, { 'openstack-api-version': 'volume 3.1' })).status, 404)
})

test('a request names what it began, also when it could not be brought to its end', async () => {
  const start = async (id: string) => {
    const { status, headers } = await ask('POST', `/v2.1/things/${id}/action`, '{"start":null}')
    return [status, headers['nimbo-operation-id']]
  }
  assert.deepEqual([await start('whole'), await start('broken')], [[202, 'whole-1,whole-2'], [409, 'broken-1,broken-2']])
  assert.equal((await ask('GET', '/v2.1/things/1')).headers['nimbo-operation-id'], undefined)
})

test('below the older prefix are the same routes, at the lowest version whatever the headers ask', async () => {
  const asked = { 'openstack-api-version': 'compute 2.3', 'x-openstack-nova-api-version': '2.99' }
  const shown = await ask('GET', '/v2/abc123/things/1', undefined, asked)
  assert.deepEqual([shown.status, shown.body, Object.keys(shown.headers).filter((name) => /version|vary/i.test(name))], [200, { id: '1' }, []])
  assert.equal((await ask('GET', '/v2/new', undefined, asked)).status, 404)
  assert.equal((await ask('GET', '/v2/def456/things/1')).status, 400)
  assert.equal((await ask('GET', '/v22/things/1')).status, 404)
})

test('a client that sends far too much over a socket hears 413, not a broken connection', async (t) => {
  const socket = await listen(api, { host: '127.0.0.1', port: 0 })
  t.after(() => socket.close())
  const reply = await fetch(`http://127.0.0.1:${socket.port}/v2.1/things`, {
    method: 'POST', headers: { 'x-auth-token': 'good', 'content-type': 'application/json' }, body: `{"x":"${'a'.repeat(3_000_000)}"}`,
  })
  assert.equal(reply.status, 413)
})

test('nothing stays in memory of requests for what is not there: paths, versions, projects and queries of every kind', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const bytesAfter = async (from: number, to: number) => {
    for (let number = from; number < to; number++) {
      const strange = `${number}`.padEnd(200, 'x')
      await ask('GET', `/v2.1/${strange}?name=${strange}`)
      await ask('GET', `/v2.1/${number}/things/${strange}?${strange}=1`, undefined, { 'openstack-api-version': `compute 2.${number}`, 'x-auth-token': number % 2 === 0 ? strange : 'good' })
      await ask('POST', '/v2.1/things/1/action', `{"${strange}":null}`)
    }
    collect()
    return process.memoryUsage().heapUsed
  }
  const warm = await bytesAfter(0, 2000)
  const grown = (await bytesAfter(2000, 12_000)) - warm
  assert.ok(grown < 1024 * 1024, `10,000 strangers left ${grown} bytes`)
})

test('the document of an API whose paths may name the project of the caller names them so too', async () => {
  const { paths } = (await ask('GET', '/v2.1/openapi.json')).body as { paths: Record<string, { $ref?: string; parameters?: unknown }> }
  assert.deepEqual(Object.keys(paths).filter((path) => path.endsWith('/things/{id}')), ['/v2.1/things/{id}', '/v2.1/{caller_project_id}/things/{id}'])
  assert.deepEqual(paths['/v2.1/{caller_project_id}/things/{id}'], {
    $ref: '#/paths/~1v2.1~1things~1%7Bid%7D', parameters: [{ name: 'caller_project_id', in: 'path', required: true, schema: { type: 'string' } }],
  })
  assert.equal((await ask('GET', '/v2.1/abc123/things/x')).status, 200)
})
