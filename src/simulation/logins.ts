// Who is gone is let in no more, neither with the password nor with an old token, and a role that was taken lets nobody act; who is there is let in.
import { passwordOf } from './intents/identity.ts'
import type { Ledger } from './ledger.ts'
import type { SimulatedNetwork } from './network.ts'
import { Person } from './person.ts'
import type { Rows, Say } from './rows.ts'

/** What is to be tried: with what, and whether it must be let in. */
export interface Tries {
  readonly users: readonly { readonly id: string; readonly mayEnter: boolean }[]
  /** Tokens that nothing may be done with. */
  readonly spent: readonly { readonly token: string; readonly why: string }[]
}

export async function triesOf(rows: Rows, ledger: Ledger): Promise<Tries> {
  const assignments = await rows.of('keystone', 'assignments')
  const removal = (id: string) => ledger.find(id)?.removal ?? 'none'
  return {
    users: ledger.all().filter(({ noun, removal: gone }) => noun === 'user' && gone !== 'perhaps').map(({ id, removal: gone }) => ({ id, mayEnter: gone === 'none' })),
    spent: ledger.sessions.flatMap(({ user, project, token }) => {
      if (removal(user) === 'acknowledged') return [{ token, why: `user ${user} is gone` }]
      if (removal(project) === 'acknowledged') return [{ token, why: `project ${project} is gone` }]
      return assignments.some((row) => row['actor_id'] === user && row['target_id'] === project) ? [] : [{ token, why: `user ${user} has no role in project ${project} any more` }]
    }),
  }
}

export async function loginsAreRight(network: SimulatedNetwork, { users, spent }: Tries, say: Say): Promise<void> {
  if (users.length === 0 && spent.length === 0) return
  const admin = await Person.logIn(network, 'admin', 'admin', 'admin-secret', 'the doorkeeper')
  for (const { id, mayEnter } of users) {
    const { status } = await admin.call('keystone', 'POST', '/v3/auth/tokens', passwordOf(id))
    if (status !== (mayEnter ? 201 : 401)) say(`user ${id} ${mayEnter ? 'is there' : 'was acknowledged to go'}, and is answered ${status} at the door`)
  }
  for (const { token, why } of spent) {
    const { status } = await admin.call('keystone', 'GET', '/v3/auth/tokens', undefined, { 'x-subject-token': token })
    if (status !== 404) say(`${why}, and keystone answers ${status} for an old token`)
    const used = await admin.call('neutron', 'GET', '/v2.0/networks', undefined, { 'x-auth-token': token })
    if (used.status !== 401) say(`${why}, and neutron answers ${used.status} to an old token`)
  }
}
