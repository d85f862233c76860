// Rules of security groups: no two alike, and each change reaches the ports of its group and no others.
import type { RequestContext } from '#core/context'
import type { Static } from '#core/spec'
import type { NewSecurityGroupRule } from '../contract/security-groups.ts'
import type { ListRequest } from '../db/list.ts'
import { type Tx, updateRow } from '../db/networks.ts'
import { deleteRule as deleteRow, insertRules, listRules as listRows, ruleByFingerprint, ruleRow, rulesOf, securityGroupRow } from '../db/security-groups.ts'
import type { SecurityGroupRow, SecurityGroupRuleRow } from '../db/tables.ts'
import { RulesOfSeveralGroups, SameRuleTwice, SecurityGroupNotFound, SecurityGroupRuleExists, SecurityGroupRuleNotFound } from '../model/errors.ts'
import { allows, authorize, ownerOf, seesAll } from './access.ts'
import { createOnce } from './create-once.ts'
import { type Neutron, timeText } from './neutron.ts'
import { claimQuota } from './quotas.ts'
import { checkRevision } from './revisions.ts'
import { readRule } from './rule-grammar.ts'
import { fingerprint } from './security-group-defaults.ts'
import { rulesChanged } from './sync-groups.ts'

export type NewRuleBody = Static<typeof NewSecurityGroupRule>

const ruleTarget = (group: Pick<SecurityGroupRow, 'project_id'>) => ({ project_id: group.project_id, tenant_id: group.project_id, 'security_group:project_id': group.project_id, 'security_group:tenant_id': group.project_id })

/** The group of a rule, if the caller can see it. @throws SecurityGroupNotFound */
async function visibleGroup(neutron: Neutron, ctx: RequestContext, tx: Tx, id: string): Promise<SecurityGroupRow> {
  const group = await securityGroupRow(tx, id)
  if (!group || !allows(neutron, ctx, 'get_security_group', ruleTarget(group))) throw new SecurityGroupNotFound(`Security group ${id} does not exist`)
  return group
}

export async function createRules(neutron: Neutron, ctx: RequestContext, bodies: readonly NewRuleBody[]): Promise<SecurityGroupRuleRow[]> {
  if (new Set(bodies.map((body) => body.security_group_id)).size > 1) throw new RulesOfSeveralGroups('Only allowed to update rules for one security profile at a time')
  const rules = bodies.map(readRule)
  if (new Set(rules.map(fingerprint)).size !== rules.length) throw new SameRuleTwice('Duplicate Security Group Rule in POST.')
  const made = await createOnce(neutron, ctx, bodies, {
    make: async (tx, body) => ({ row: await createRule(neutron, tx, ctx, body) }),
    async find(tx, id) {
      const row = await ruleRow(tx, id)
      return row && { row }
    },
    async after(tx, [first]) {
      if (!first) return
      await updateRow(tx, 'security_groups', first.row.security_group_id, {}, timeText(neutron))
      await rulesChanged(neutron, tx, ctx, first.row.security_group_id, first.row.project_id)
    },
  })
  return made.map(({ row }) => row)
}

async function createRule(neutron: Neutron, tx: Tx, ctx: RequestContext, body: NewRuleBody): Promise<SecurityGroupRuleRow> {
  ownerOf(neutron, ctx, body)
  const group = await visibleGroup(neutron, ctx, tx, body.security_group_id)
  authorize(neutron, ctx, 'create_security_group_rule', ruleTarget(group))
  const rule = readRule(body)
  if (rule.remote_group_id !== null) await visibleGroup(neutron, ctx, tx, rule.remote_group_id)
  await claimQuota(neutron, tx, group.project_id, 'security_group_rule')
  const now = timeText(neutron)
  const row: SecurityGroupRuleRow = {
    id: neutron.ids.uuid(), project_id: group.project_id, description: body.description ?? '', revision_number: 0, created_at: now, updated_at: now,
    security_group_id: group.id, ...rule, fingerprint: fingerprint(rule),
  }
  if (!(await insertRules(tx, [row]))) {
    throw new SecurityGroupRuleExists(`Security group rule already exists. Rule id is ${(await ruleByFingerprint(tx, group.id, row.fingerprint)) ?? ''}.`)
  }
  return row
}

export async function listRules(neutron: Neutron, ctx: RequestContext, request: ListRequest): Promise<SecurityGroupRuleRow[]> {
  return listRows(neutron.database.read, request, seesAll(neutron, ctx) ? undefined : rulesOf(ctx.identity.projectId ?? ''))
}

/** @throws SecurityGroupRuleNotFound also for one that the caller cannot see */
export async function findRule(neutron: Neutron, ctx: RequestContext, db: Tx, id: string): Promise<{ row: SecurityGroupRuleRow; group: SecurityGroupRow }> {
  const row = await ruleRow(db, id)
  const group = row && (await securityGroupRow(db, row.security_group_id))
  if (!row || !group || !allows(neutron, ctx, 'get_security_group_rule', ruleTarget(group))) throw new SecurityGroupRuleNotFound(`Security group rule ${id} does not exist`)
  return { row, group }
}

export async function deleteRule(neutron: Neutron, ctx: RequestContext, id: string, ifRevision?: number): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const { row, group } = await findRule(neutron, ctx, tx, id)
    authorize(neutron, ctx, 'delete_security_group_rule', ruleTarget(group))
    checkRevision(row, ifRevision)
    await deleteRow(tx, id)
    await updateRow(tx, 'security_groups', group.id, {}, timeText(neutron))
    await rulesChanged(neutron, tx, ctx, group.id, group.project_id)
  })
}
