// Rules are alike whether they say that a block is everything or say none: what is unique among a group's says so of those that are there.
import { type Migration, sql } from '#core/db'
import type { LooseDb } from '../loose.ts'

export const alikeRulesMigration: Migration = {
  name: '003-alike-rules',
  async up(db: LooseDb) {
    for (const everything of ['|0.0.0.0/0|', '|::/0|']) {
      const alike = sql`replace(rule.fingerprint, ${everything}, '||')`
      // Of two that are alike already, both stay as they are.
      const rows = (await db.selectFrom('security_group_rules as rule').select(['rule.id', alike.as('fingerprint')]).where('rule.fingerprint', 'like', `%${everything}%`)
        .where((row) => row.not(row.exists(row.selectFrom('security_group_rules as other').select('other.id').whereRef('other.security_group_id', '=', 'rule.security_group_id').where('other.fingerprint', '=', alike))))
        .execute()) as { id: string; fingerprint: string }[]
      for (const { id, fingerprint } of rows) await db.updateTable('security_group_rules').set({ fingerprint }).where('id', '=', id).execute()
    }
  },
}
