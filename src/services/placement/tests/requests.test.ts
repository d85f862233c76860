// What placement answers before it looks at what is asked: versions, media types, methods, and what does not fit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Call, makeProvider, newId, startPlacement } from './harness.ts'

const malformed = 'The server could not comply with the request since it is either malformed or otherwise incorrect.\n\n '

const told = ({ status, body }: Answer): [number, string] => [status, body.errors[0].detail.replace(malformed, '').trimEnd()]

test('the version document is negotiated as every answer, and needs no token', async (t) => {
  const call = await startPlacement(t)
  const { status, headers, body } = await call('GET', '/', undefined, { as: 'nobody' })
  assert.deepEqual([status, body.versions[0].max_version, headers['OpenStack-API-Version'], headers['Vary'], headers['cache-control']], [200, '1.39', 'placement 1.39', 'openstack-api-version', 'no-cache'])
  const old = await call('GET', '/', undefined, { version: '1.14' })
  assert.deepEqual([old.headers['OpenStack-API-Version'], old.headers['last-modified']], ['placement 1.14', undefined])
  const removed = await call('DELETE', '/')
  assert.deepEqual([removed.status, removed.headers['Allow'], (await call('POST', '/')).status], [405, 'GET', 405])
})

test('a version that there is not is not acceptable, and none at all is malformed', async (t) => {
  const call = await startPlacement(t)
  for (const path of ['/', '/resource_providers']) {
    for (const version of ['0.9', '1.99', '2.0']) {
      const refused = await call('GET', path, undefined, { version })
      const { min_version: minimum, max_version: maximum, code, detail } = refused.body.errors[0]
      assert.deepEqual([refused.status, minimum, maximum, code], [406, '1.0', '1.39', undefined], `${path} ${version}`)
      assert.ok(detail.includes(`Invalid microversion: Unacceptable version header: ${version}`), detail)
    }
    for (const version of ['pony.horse', '1.2.3', 'x']) assert.deepEqual(told(await call('GET', path, undefined, { version })), [400, `Invalid microversion: invalid version string: ${version}`])
  }
})

test('who takes no JSON gets none, and who would rather have a page is told so on one', async (t) => {
  const call = await startPlacement(t)
  const answers = async (accept: string, path = '/resource_providers') => {
    const { status, headers } = await call('GET', path, undefined, { headers: { accept } })
    return [status, headers['content-type']?.split(';')[0]]
  }
  assert.deepEqual(await answers('*/*'), [200, 'application/json'])
  assert.deepEqual(await answers('text/html, application/json;q=0.5'), [200, 'application/json'])
  assert.deepEqual(await answers('text/html'), [406, 'text/html'])
  assert.deepEqual(await answers('text/html', '/nothing'), [404, 'text/html'])
  assert.deepEqual(await answers('*/*', '/nothing'), [404, 'application/json'])
  assert.deepEqual(await answers('text/html', '/'), [200, 'application/json'])
})

test('a body of another type, of none, and one that cannot be read', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', {})
  const send = async (body: unknown, headers: Record<string, string>) => told(await call('PUT', `/resource_providers/${host}`, body, { headers }))
  assert.deepEqual(await send(undefined, {}), [415, 'The media type None is not supported, use application/json'])
  assert.deepEqual(await send({ name: 'x' }, { 'content-type': 'text/plain' }), [415, 'The media type text/plain is not supported, use application/json'])
  assert.deepEqual(await send({ name: 'x' }, { 'content-type': '' }), [400, 'content-type header required when content-length > 0'])
  assert.deepEqual(await send(undefined, { 'content-type': 'application/json' }), [400, 'Malformed JSON: the body cannot be read.'])
  assert.equal((await call('PUT', '/traits/CUSTOM_A')).status, 201)
})

test('there is no HEAD', async (t) => {
  const call = await startPlacement(t)
  const asked = await call('HEAD', '/resource_providers')
  assert.deepEqual([asked.status, asked.headers['Allow']], [405, 'GET, POST'])
})

test('whether one may, and whether the provider is there, counts before the body', async (t) => {
  const call = await startPlacement(t)
  const status = async (...asked: Parameters<Call>) => (await call(...asked)).status
  const json = { 'content-type': 'application/json' }
  assert.equal(await status('POST', '/reshaper', undefined, { as: 'member', headers: json }), 403)
  assert.equal(await status('POST', '/reshaper', undefined, { as: 'member' }), 415)
  assert.equal(await status('PUT', `/resource_providers/${newId()}/aggregates`, []), 404)
  assert.equal(await status('PUT', `/resource_providers/${newId()}/inventories/VCPU`, {}), 404)
  assert.equal(await status('PUT', `/resource_providers/${newId()}/traits`, {}), 400)
})

test('what does not fit is said in the words of upstream', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', { VCPU: { total: 4 } })
  const inventories = `/resource_providers/${host}/inventories`
  const notJson = 'JSON does not validate: '
  const badQuery = 'Invalid query string parameters: '
  const cases: [Parameters<Call>, string][] = [
    [['POST', '/resource_providers', {}], `${notJson}'name' is a required property  Failed validating 'required' in schema`],
    [['POST', '/resource_providers', { name: 'x', uuid: 'y' }], `${notJson}'y' is not a 'uuid'  Failed validating 'format' in schema['properties']['uuid']`],
    [['POST', '/resource_providers', { name: 'x', uuid: host, parent_provider_uuid: host }], `Unable to create resource provider "x", ${host}: Object action create failed because: parent provider UUID cannot be same as UUID. Please set parent provider UUID to None if there is no parent.`],
    [['PUT', `/resource_providers/${host}`, { name: 'host', parent_provider_uuid: host }], `Unable to save resource provider ${host}: Object action update failed because: creating loop in the provider tree is not allowed.`],
    [['PUT', `${inventories}/VCPU`, { resource_provider_generation: 1, total: 0 }], `${notJson}0 is less than the minimum of 1  Failed validating 'minimum' in schema['properties']['total']`],
    [['PUT', inventories, { resource_provider_generation: 1, inventories: { CUSTOM_NO: { total: 1 } } }], `Unknown resource class in inventory for resource provider ${host}: No such resource class CUSTOM_NO.`],
    [['POST', inventories, { resource_class: 'PCPU', total: 1, reserved: 2 }], `Unable to create inventory for resource provider ${host}: Invalid inventory for 'PCPU' on resource provider '${host}'. The reserved value is greater than total.`],
    [['PUT', '/resource_classes/VCPU'], `${notJson}'VCPU' does not match '^CUSTOM_[A-Z0-9_]+$'  Failed validating 'pattern' in schema['properties']['name']`],
    [['GET', '/resource_providers?uuid=x'], `${badQuery}'x' is not a 'uuid'  Failed validating 'format' in schema['properties']['uuid']`],
    [['GET', '/resource_providers?colour=red'], `${badQuery}Additional properties are not allowed ('colour' was unexpected)  Failed validating 'additionalProperties' in schema`],
    [['GET', '/resource_providers?resources=VCPU'], 'Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024. Got: VCPU.'],
    [['GET', '/resource_providers?required='], `${badQuery}Expected 'required' parameter value of the form: HW_CPU_X86_VMX,!CUSTOM_MAGIC. Got an empty trait in:`],
    [['GET', '/resource_providers?required=', undefined, { version: '1.21' }], `${badQuery}Expected 'required' parameter value of the form: HW_CPU_X86_VMX,CUSTOM_MAGIC. Got an empty trait in:`],
    [['GET', '/allocation_candidates?resources=VCPU:1&group_policy=some'], `${badQuery}'some' is not one of ['none', 'isolate']  Failed validating 'enum' in schema['properties']['group_policy']`],
    [['GET', '/allocation_candidates?resources01=VCPU:1', undefined, { version: '1.25' }], `${badQuery}'resources01' does not match any of the regexes: '^member_of([1-9][0-9]*)?$', '^required([1-9][0-9]*)?$', '^resources([1-9][0-9]*)?$'  Failed validating 'additionalProperties' in schema`],
    [['GET', '/allocation_candidates?required=A&required1=B', undefined, { version: '1.25' }], 'All traits parameters must be associated with resources.  Found the following orphaned traits keys: required, required1'],
  ]
  for (const [asked, words] of cases) assert.deepEqual(told(await call(...asked)), [400, words], asked.join(' '))
})
