// What a service does when another one does not answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock, systemIds, systemRandom } from '#core/context'
import type { ApiReply, ApiRequest } from '#core/http'
import { silentLog } from '#core/observe'
import { createCredentials } from './credentials.ts'
import { exchange, type ServiceTarget } from './exchange.ts'

/** A service whose first connections break, as many as told. */
function breaking(name: string, times: number, answer: ApiReply) {
  const asked: string[] = []
  const transport = async ({ method, path }: ApiRequest): Promise<ApiReply> => {
    asked.push(`${method} ${path}`)
    if (asked.length <= times) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
    return answer
  }
  const target: ServiceTarget = { name, origin: 'http://127.0.0.1', prefix: '/v3', transport }
  return { target, asked }
}

const read = { method: 'GET', path: '/things', query: '', headers: {}, body: null } as const

test('a read whose connection breaks is asked once more', async () => {
  const once = breaking('placement', 1, { status: 204, headers: {}, body: null })
  assert.equal((await exchange(once.target, read)).status, 204)
  assert.deepEqual(once.asked, ['GET /things', 'GET /things'])

  const twice = breaking('placement', 2, { status: 204, headers: {}, body: null })
  await assert.rejects(exchange(twice.target, read), { code: 'service_unavailable', message: 'The placement service cannot be reached.' })
})

test('a change whose connection breaks is not asked again', async () => {
  const { target, asked } = breaking('neutron', 1, { status: 204, headers: {}, body: null })
  await assert.rejects(exchange(target, { ...read, method: 'PUT' }), { code: 'service_unavailable', message: 'The neutron service cannot be reached.' })
  assert.deepEqual(asked, ['PUT /things'])
})

test('a build does not fail with an unexpected error because one connection to keystone broke', async () => {
  const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
  const answer: ApiReply = { status: 201, headers: { 'x-subject-token': 'a-token' }, body: JSON.stringify({ token: { expires_at: '2999-01-01T00:00:00Z' } }) }
  const once = createCredentials({ keystone: breaking('keystone', 1, answer).target, userName: 'nova', password: 'secret', capabilities })
  assert.equal(await once.service(), 'a-token')

  const gone = createCredentials({ keystone: breaking('keystone', 2, answer).target, userName: 'nova', password: 'secret', capabilities })
  await assert.rejects(gone.service(), { code: 'service_unavailable', message: 'The keystone service cannot be reached.' })
})
