// What keystone's stories share: database, keys, hashing, the verdicts that it remembers, and how all roles learn of a change.
import type { Capabilities } from '#core/context'
import { afterCommit, type Database, type Db } from '#core/db'
import type { Policy } from '#core/policy'
import type { Recorder } from '#core/trace'
import type { Options } from '../config.ts'
import { allImplications, allRoles } from '../db/roles.ts'
import { catalogRows } from '../db/catalog.ts'
import { insertRevocation, lastRevocation } from '../db/tokens.ts'
import type { RevocationKind, Tables } from '../db/tables.ts'
import { type CatalogTemplate, catalogTemplate } from './catalog.ts'
import type { KeyRepository } from './fernet/keys.ts'
import type { Passwords } from './passwords.ts'
import type { RoleGraph } from './role-graph.ts'
import type { Remembered } from './remembered.ts'

export interface Keystone extends Capabilities {
  readonly database: Database<Tables>
  readonly keys: KeyRepository
  readonly passwords: Passwords
  readonly options: Options
  readonly policy: Policy
  readonly trace: Recorder
  readonly remembered: Remembered
  /** Tell every role of the cloud that verdicts on tokens may have changed. */
  readonly announce: (reason: string) => void
}

export const newId = (keystone: Pick<Keystone, 'ids'>): string => keystone.ids.uuid().replaceAll('-', '')

/**
 * A moment after every revocation so far, though the clock may not have moved since: what is issued with this date was
 * asked for after them, and what is revoked with it covers all that was issued before.
 */
export async function moment({ clock }: Pick<Keystone, 'clock'>, db: Db<Tables>): Promise<Date> {
  return new Date(Math.max(clock.now().getTime(), (await lastRevocation(db)) + 1))
}

/** What tokens rest on changes with this transaction: once it is committed, every remembered verdict is void. */
export function changed(keystone: Keystone, tx: Db<Tables>, reason: string): void {
  afterCommit(tx, () => {
    keystone.remembered.forget()
    keystone.announce(reason)
  })
}

/** From now on, no token counts that was issued to a user, for a project or in a domain; or one chain of tokens. */
export async function revoke(keystone: Keystone, tx: Db<Tables>, kind: RevocationKind, value: string): Promise<void> {
  const now = keystone.clock.now().getTime()
  const { expiration: lifetime, allow_expired_window: window } = keystone.options
  const issuedBefore = (await moment(keystone, tx)).getTime()
  await insertRevocation(tx, { id: newId(keystone), kind, value, issuedBefore, now, forgetBefore: now - (lifetime + window) * 1000 })
  changed(keystone, tx, `${kind} revoked`)
}

export function roleGraph(keystone: Keystone): Promise<RoleGraph> {
  return keystone.remembered.once('roles', async () => {
    const [roles, implications] = await Promise.all([allRoles(keystone.database.read), allImplications(keystone.database.read)])
    const implied = new Map<string, string[]>()
    for (const { prior_id, implied_id } of implications) implied.set(prior_id, [...(implied.get(prior_id) ?? []), implied_id])
    return { byId: new Map(roles.map((role) => [role.id, { id: role.id, name: role.name, domainId: role.domain_id }])), implied }
  })
}

export function catalog(keystone: Keystone): Promise<CatalogTemplate> {
  return keystone.remembered.once('catalog', async () => catalogTemplate(await catalogRows(keystone.database.read)))
}
