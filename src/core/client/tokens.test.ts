// What a service remembers of tokens: for a while, until keystone says otherwise, and never more than a bound.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '#core/observe'
import { createLocalBus } from '#core/rpc'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { createCredentials } from './credentials.ts'
import { tokenVerifier } from './tokens.ts'

const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }

/** A keystone to which every token is good. */
function setUp() {
  const asked = { checks: 0, delegations: 0 }
  const token = { user: { id: 'u', name: 'u', domain: { id: 'default', name: 'Default' } }, expires_at: '2100-01-01T00:00:00.000Z' }
  const keystone = {
    name: 'keystone', origin: 'http://keystone', prefix: '/v3',
    async transport({ method, body }: { method: string; body: unknown }) {
      if (method === 'GET') asked.checks++
      else if (String(body).includes('"delegation"')) asked.delegations++
      return { status: method === 'GET' ? 200 : 201, headers: { 'x-subject-token': 'made' }, body: JSON.stringify({ token }) }
    },
  }
  const credentials = createCredentials({ keystone, userName: 'nova', password: 'p', capabilities })
  const verify = tokenVerifier({ keystone, credentials, bus: createLocalBus(capabilities), host: 'host-1', capabilities })
  return { asked, credentials, check: async (name: string) => (await verify(name, undefined, 'req-1')).fromCache }
}

test('tokens beyond a bound push the oldest verdicts out, which are asked for again', async () => {
  const { asked, check } = setUp()
  for (let number = 0; number < 4001; number++) assert.equal(await check(`token-${number}`), false)
  assert.deepEqual([await check('token-4000'), await check('token-1'), await check('token-0')], [true, true, false])
  assert.equal(asked.checks, 4002)
})

test('users beyond a bound push the oldest delegated tokens out, which are asked for again', async () => {
  const { asked, credentials } = setUp()
  const delegated = (number: number) => credentials.delegated({ userId: `u${number}`, userName: '', userDomainId: '', userDomainName: '', projectId: 'p', roles: [] })
  for (let number = 0; number < 1001; number++) await delegated(number)
  for (const number of [1000, 1, 0]) await delegated(number)
  assert.equal(asked.delegations, 1002)
})
