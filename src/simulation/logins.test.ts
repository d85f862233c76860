// Who may come in at the end of a history is tried at the doors of the services.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, test } from 'node:test'
import { play } from './history.ts'
import { passwordOf } from './intents/identity.ts'
import { noWorries } from './plan.ts'
import type { Story, Storyteller } from './storyteller.ts'
import { makeTemplate, scratch } from './template.ts'

const directory = scratch()
after(() => rmSync(directory, { recursive: true, force: true }))
const template = await makeTemplate(directory)

async function told(story: Story): Promise<readonly string[]> {
  return (await play({ seed: 'logins', actors: [], blows: [], trouble: noWorries, audits: false, scenario: 'told' }, { template, directory, stories: { told: story } })).violations
}

/** A user with a role in a project, who has logged in. */
async function visitor({ admin, ledger }: Storyteller) {
  const keeper = await admin()
  const made = async (noun: 'user' | 'project', more: object) => String((await keeper.call('keystone', 'POST', `/v3/${noun}s`, { [noun]: { name: `a ${noun}`, domain_id: 'default', ...more } })).body[noun].id)
  const [user, project] = [await made('user', { password: 'a-secret' }), await made('project', {})]
  for (const [noun, id] of [['user', user], ['project', project]] as const) ledger.add(noun, id, 'demo')
  const role = (await keeper.call('keystone', 'GET', '/v3/roles?name=member')).body.roles[0].id as string
  const membership = `/v3/projects/${project}/users/${user}/roles/${role}`
  await keeper.call('keystone', 'PUT', membership)
  const { headers } = await keeper.call('keystone', 'POST', '/v3/auth/tokens', passwordOf(user, project))
  ledger.sessions.push({ user, project, token: headers['x-subject-token'] ?? '' })
  // A service that has seen the token remembers it for a while.
  await keeper.call('neutron', 'GET', '/v2.0/networks', undefined, { 'x-auth-token': headers['x-subject-token'] ?? '' })
  return { keeper, user, project, membership }
}

test('a user who is gone is let in no more, nor one whose role was taken or whose project is gone', async () => {
  for (const last of ['user', 'role', 'project'] as const) {
    const violations = await told(async (teller) => {
      const { keeper, user, project, membership } = await visitor(teller)
      if (last === 'role') return void (await keeper.call('keystone', 'DELETE', membership))
      const id = last === 'user' ? user : project
      teller.ledger.removed(id, (await keeper.call('keystone', 'DELETE', `/v3/${last}s/${id}`)).status)
    })
    assert.deepEqual(violations, [], last)
  }
})

test('a user who is let in though they should be gone is seen, and one who is not though they should be there', async () => {
  let id = ''
  const entering = await told(async (teller) => {
    const { user } = await visitor(teller)
    id = user
    teller.ledger.removed(user, 204)
  })
  assert.deepEqual(entering, [
    `user ${id} was acknowledged to go, and it is there`, `user ${id} was acknowledged to go, and is answered 201 at the door`,
    `user ${id} is gone, and keystone answers 200 for an old token`, `user ${id} is gone, and neutron answers 200 to an old token`,
  ])
  const refused = await told(async (teller) => {
    const { keeper, user } = await visitor(teller)
    id = user
    await keeper.call('keystone', 'PATCH', `/v3/users/${user}`, { user: { password: 'another-secret' } })
  })
  assert.deepEqual(refused, [`user ${id} is there, and is answered 401 at the door`])
})
