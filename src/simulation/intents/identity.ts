// What administrators want of projects, users and roles.
import { type Actor, type Intent, heed } from './actor.ts'
import type { Entry } from '../ledger.ts'
import type { Noun } from '../nouns.ts'
import type { Person } from '../person.ts'

const api = { project: 'projects', user: 'users', role: 'roles' } as const

const passwordOfAll = 'a-secret'

/** What a user says who was made here. */
export function passwordOf(userId: string, projectId?: string): object {
  const identity = { methods: ['password'], password: { user: { id: userId, password: passwordOfAll } } }
  return { auth: { identity, ...(projectId !== undefined && { scope: { project: { id: projectId } } }) } }
}

function known({ ledger, dice }: Actor, noun: Noun): Entry | undefined {
  const all = ledger.all().filter((entry) => entry.noun === noun && entry.removal === 'none')
  return all.length === 0 ? undefined : dice.one(all)
}

const make = (noun: keyof typeof api): Intent => async (actor) => {
  const admin = await actor.admin()
  const name = `${noun}-${actor.dice.integer(1000)}`
  const reply = await admin.call('keystone', 'POST', `/v3/${api[noun]}`, { [noun]: { name, ...(noun !== 'role' && { domain_id: 'default' }), ...(noun === 'user' && { password: passwordOfAll }) } })
  heed(actor, reply)
  if (reply.status === 201) actor.ledger.add(noun, String(reply.body[noun].id), actor.project)
}

const unmake = (noun: keyof typeof api): Intent => async (actor) => {
  const entry = known(actor, noun)
  if (!entry) return
  const admin = await actor.admin()
  actor.ledger.asks(entry.id)
  const reply = await admin.call('keystone', 'DELETE', `/v3/${api[noun]}/${entry.id}`)
  heed(actor, reply)
  actor.ledger.removed(entry.id, reply.status, reply.repeated)
  if (noun !== 'user' || reply.status !== 204) return
  const again = await admin.call('keystone', 'POST', '/v3/auth/tokens', passwordOf(entry.id))
  if (again.status === 201) actor.violated(`user ${entry.id} was acknowledged to go and can log in`)
}

async function memberRole(admin: Person): Promise<string | undefined> {
  const { body } = await admin.call('keystone', 'GET', '/v3/roles?name=member')
  return body?.roles?.[0]?.id as string | undefined
}

const assign = (method: 'PUT' | 'DELETE'): Intent => async (actor) => {
  const [project, user] = [known(actor, 'project'), known(actor, 'user')]
  if (!project || !user) return
  const admin = await actor.admin()
  const made = known(actor, 'role')
  const own = made && actor.dice.happens(0.5) ? made : undefined
  const role = own?.id ?? (await memberRole(admin))
  if (role === undefined) return
  const answered = actor.ledger.changes.ask({ noun: 'user', id: user.id, of: `role ${role} in ${project.id}` }, method === 'PUT' ? 'there' : 'gone')
  const reply = await admin.call('keystone', method, `/v3/projects/${project.id}/users/${user.id}/roles/${role}`)
  heed(actor, reply)
  answered(reply)
}

/** Their token is tried again when they may be gone, or their role. */
const logIn: Intent = async (actor) => {
  const [project, user] = [known(actor, 'project'), known(actor, 'user')]
  if (!project || !user) return
  const reply = await (await actor.admin()).call('keystone', 'POST', '/v3/auth/tokens', passwordOf(user.id, project.id))
  const token = reply.headers['x-subject-token']
  if (reply.status === 201 && token !== undefined) actor.ledger.sessions.push({ user: user.id, project: project.id, token })
}

export const identityIntents: Readonly<Record<string, readonly [weight: number, Intent]>> = {
  'create a project': [1, make('project')],
  'create a user': [1, make('user')],
  'create a role': [0.7, make('role')],
  'give a role': [1, assign('PUT')],
  'take a role': [0.5, assign('DELETE')],
  'log a user in': [0.5, logIn],
  'delete a role': [0.3, unmake('role')],
  'delete a user': [0.5, unmake('user')],
  'delete a project': [0.5, unmake('project')],
}
