// The OpenAPI document of each service, fetched where its clients find it: under the service's own prefix, without a token.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startCloud } from '../../src/app/testing/index.ts'

const prefixes = { keystone: '/v3', glance: '/v2', placement: '', nova: '/v2.1', neutron: '/v2.0', cinder: '/v3' } as const
type Documented = keyof typeof prefixes

const kept = join(import.meta.dirname, '..', '..', 'docs', 'generated', 'openapi')
const operations = ({ paths }: { paths: Record<string, object> }) => Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`)).sort()

test('each service hands out the document of its API, which names what docs/generated names', async (t) => {
  const names = Object.keys(prefixes) as Documented[]
  const cloud = await startCloud(t, [...names, 'nimbo'], { sockets: true })
  const document = async (...[name, path]: [Documented | 'nimbo', string]) => {
    const { status, headers, body } = await cloud.call(name, 'GET', path)
    assert.deepEqual([status, headers['content-type'], body.openapi], [200, 'application/json', '3.1.0'], path)
    return operations(body)
  }
  const inFile = (name: string) => operations(JSON.parse(readFileSync(join(kept, `${name}.json`), 'utf8')))
  for (const name of names) assert.deepEqual(await document(name, `${prefixes[name]}/openapi.json`), inFile(name), name)
  // Operations and events: the services that have some answer for themselves, and Nimbo's port for all; requests are each service's own.
  for (const name of ['nova', 'neutron', 'cinder', 'glance'] as const) assert.deepEqual(await document(name, '/v1/openapi.json'), inFile('nimbo'), name)
  assert.deepEqual(await document('nimbo', '/v1/openapi.json'), inFile('nimbo').filter((each) => !each.includes('/v1/requests')))
})
