// Finds or makes the first rows of a cloud: each function may be repeated.
import type { Db } from '#core/db'
import type { Tables } from './tables.ts'

export async function findSetting(db: Db<Tables>, name: string): Promise<string | undefined> {
  return (await db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst())?.value
}

export async function putSetting(tx: Db<Tables>, name: string, value: string): Promise<void> {
  const { numUpdatedRows } = await tx.updateTable('settings').set({ value }).where('name', '=', name).executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) await tx.insertInto('settings').values({ name, value }).execute()
}

export type BootstrapStore = ReturnType<typeof bootstrapStore>

/** @param makeId gives ids without dashes @param now as ISO text */
export function bootstrapStore(db: Db<Tables>, makeId: () => string, now: string) {
  return {
    async userNames(domainId: string, names: readonly string[]): Promise<ReadonlySet<string>> {
      const rows = await db.selectFrom('users').select('name').where('domain_id', '=', domainId).where('name', 'in', names).execute()
      return new Set(rows.map((row) => row.name))
    },
    async domain(id: string, name: string, description: string): Promise<void> {
      if (await db.selectFrom('projects').select('id').where('id', '=', id).executeTakeFirst()) return
      await db.insertInto('projects').values({ id, domain_id: '', parent_id: '', name, description, enabled: 1, is_domain: 1, options: '{}', extra: '{}' }).execute()
    },
    async project(domainId: string, name: string, description: string): Promise<string> {
      const known = await db.selectFrom('projects').select('id').where('domain_id', '=', domainId).where('name', '=', name).executeTakeFirst()
      if (known) return known.id
      const id = makeId()
      await db.insertInto('projects').values({ id, domain_id: domainId, parent_id: domainId, name, description, enabled: 1, is_domain: 0, options: '{}', extra: '{}' }).execute()
      return id
    },
    async role(name: string): Promise<string> {
      const known = await db.selectFrom('roles').select('id').where('domain_id', '=', '').where('name', '=', name).executeTakeFirst()
      if (known) return known.id
      const id = makeId()
      await db.insertInto('roles').values({ id, name, domain_id: '', description: null, options: '{"immutable":true}', extra: '{}' }).execute()
      return id
    },
    async implication(prior: string, implied: string): Promise<void> {
      const known = await db.selectFrom('implied_roles').selectAll().where('prior_id', '=', prior).where('implied_id', '=', implied).executeTakeFirst()
      if (!known) await db.insertInto('implied_roles').values({ prior_id: prior, implied_id: implied }).execute()
    },
    async user(domainId: string, name: string, hash: string | undefined, defaultProject: string): Promise<string> {
      const known = await db.selectFrom('users').select('id').where('domain_id', '=', domainId).where('name', '=', name).executeTakeFirst()
      if (known) return known.id
      const id = makeId()
      await db.insertInto('users').values({
        id, domain_id: domainId, name, enabled: 1, description: null, default_project_id: defaultProject, options: '{}', extra: '{}',
        password_hash: hash ?? null, password_created_at: now, password_expires_at: null, failed_count: 0, failed_at: null, created_at: now,
      }).execute()
      return id
    },
    async password(userId: string, hash: string): Promise<void> {
      await db.updateTable('users').set({ password_hash: hash, password_created_at: now }).where('id', '=', userId).execute()
    },
    async assignment(userId: string, type: 'project' | 'system', targetId: string, roleId: string): Promise<void> {
      const row = { actor_type: 'user', actor_id: userId, target_type: type, target_id: targetId, role_id: roleId, inherited: 0 } as const
      const known = await db.selectFrom('assignments').select('role_id').where((where) => where.and(row)).executeTakeFirst()
      if (!known) await db.insertInto('assignments').values(row).execute()
    },
    async region(id: string): Promise<void> {
      if (await db.selectFrom('regions').select('id').where('id', '=', id).executeTakeFirst()) return
      await db.insertInto('regions').values({ id, description: '', parent_region_id: null, extra: '{}' }).execute()
    },
    async service(type: string, name: string, description: string): Promise<string> {
      const known = await db.selectFrom('services').select('id').where('type', '=', type).where('name', '=', name).executeTakeFirst()
      if (known) return known.id
      const id = makeId()
      await db.insertInto('services').values({ id, type, name, description, enabled: 1, extra: '{}' }).execute()
      return id
    },
    async endpoint(serviceId: string, regionId: string, kind: string, url: string): Promise<void> {
      const known = await db.selectFrom('endpoints').select(['id', 'url'])
        .where('service_id', '=', serviceId).where('region_id', '=', regionId).where('interface', '=', kind).executeTakeFirst()
      if (known?.url === url) return
      if (known) await db.updateTable('endpoints').set({ url }).where('id', '=', known.id).execute()
      else await db.insertInto('endpoints').values({ id: makeId(), service_id: serviceId, region_id: regionId, interface: kind, url, enabled: 1, extra: '{}' }).execute()
    },
  }
}
