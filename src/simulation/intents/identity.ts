// What administrators want of projects, users and roles.
import { type Actor, type Intent, noteFailure } from './actor.ts'
import type { Entry, Noun } from '../ledger.ts'

const api = { project: 'projects', user: 'users' } as const

function known({ ledger, dice }: Actor, noun: Noun): Entry | undefined {
  const all = ledger.all().filter((entry) => entry.noun === noun && entry.removal === 'none')
  return all.length === 0 ? undefined : dice.one(all)
}

const make = (noun: keyof typeof api): Intent => async (actor) => {
  const admin = await actor.admin()
  const name = `${noun}-${actor.dice.integer(1000)}`
  const reply = await admin.call('keystone', 'POST', `/v3/${api[noun]}`, { [noun]: { name, domain_id: 'default', ...(noun === 'user' && { password: 'a-secret' }) } })
  noteFailure(actor, reply)
  if (reply.status === 201) actor.ledger.add(noun, String(reply.body[noun].id), actor.project)
}

const unmake = (noun: keyof typeof api): Intent => async (actor) => {
  const entry = known(actor, noun)
  if (!entry) return
  const admin = await actor.admin()
  actor.ledger.asks(entry.id)
  const reply = await admin.call('keystone', 'DELETE', `/v3/${api[noun]}/${entry.id}`)
  noteFailure(actor, reply)
  actor.ledger.removed(entry.id, reply.status, reply.repeated)
}

const assign = (method: 'PUT' | 'DELETE'): Intent => async (actor) => {
  const [project, user] = [known(actor, 'project'), known(actor, 'user')]
  if (!project || !user) return
  const admin = await actor.admin()
  const { body } = await admin.call('keystone', 'GET', '/v3/roles?name=member')
  const role = body?.roles?.[0]?.id as string | undefined
  if (role !== undefined) noteFailure(actor, await admin.call('keystone', method, `/v3/projects/${project.id}/users/${user.id}/roles/${role}`))
}

/** Whoever was told that a user is gone must not be let in with that user's token again. */
const logInAndLeave: Intent = async (actor) => {
  const [project, user] = [known(actor, 'project'), known(actor, 'user')]
  if (!project || !user) return
  const admin = await actor.admin()
  const logIn = await admin.call('keystone', 'POST', '/v3/auth/tokens', {
    auth: { identity: { methods: ['password'], password: { user: { id: user.id, password: 'a-secret' } } }, scope: { project: { id: project.id } } },
  })
  if (logIn.status === 201 && user.removal === 'acknowledged') actor.violated(`user ${user.id} was acknowledged to go and can log in`)
}

export const identityIntents: Readonly<Record<string, readonly [weight: number, Intent]>> = {
  'create a project': [1, make('project')],
  'create a user': [1, make('user')],
  'give a role': [1, assign('PUT')],
  'take a role': [0.5, assign('DELETE')],
  'log a user in': [0.5, logInAndLeave],
  'delete a user': [0.5, unmake('user')],
  'delete a project': [0.5, unmake('project')],
}
