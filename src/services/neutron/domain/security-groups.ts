// Security groups: a project's default one is made on first use, can neither be renamed nor removed, and others come and go.
import type { RequestContext } from '#core/context'
import type { Static } from '#core/spec'
import type { NewSecurityGroup, SecurityGroupChange } from '../contract/security-groups.ts'
import type { ListRequest } from '../db/list.ts'
import { deleteTags, type Tx, updateRow } from '../db/networks.ts'
import {
  defaultGroupId, deleteSecurityGroupRow, groupHasPorts, groupsOf, groupsThatName, insertRules, insertSecurityGroup, listSecurityGroups as listRecords, securityGroupRecord, type SecurityGroupRecord,
} from '../db/security-groups.ts'
import type { SecurityGroupRow } from '../db/tables.ts'
import { CannotRemoveDefaultGroup, CannotUpdateDefaultGroup, DefaultSecurityGroupExists, SecurityGroupInUse, SecurityGroupNotFound } from '../model/errors.ts'
import { allows, authorize, bit, ownerOf, seesAll, toFlag } from './access.ts'
import { createOnce } from './create-once.ts'
import { type Neutron, timeText } from './neutron.ts'
import { claimQuota } from './quotas.ts'
import { checkRevision, type Change } from './revisions.ts'
import { ensureDefaultGroup, firstRules } from './security-group-defaults.ts'
import { rulesChanged } from './sync-groups.ts'

export type NewGroupBody = Static<typeof NewSecurityGroup>
type GroupChangeBody = Static<typeof SecurityGroupChange>

const groupTarget = (row: Pick<SecurityGroupRow, 'project_id'>) => ({ project_id: row.project_id, tenant_id: row.project_id })

/** Whoever looks at security groups finds the default one there. */
async function ensureOwnDefault(neutron: Neutron, ctx: RequestContext): Promise<void> {
  const projectId = ctx.identity.projectId
  if (projectId === undefined || (await defaultGroupId(neutron.database.read, projectId)) !== undefined) return
  await neutron.database.transaction((tx) => ensureDefaultGroup(neutron, tx, projectId))
}

export async function createSecurityGroups(neutron: Neutron, ctx: RequestContext, bodies: readonly NewGroupBody[]): Promise<SecurityGroupRecord[]> {
  return createOnce(neutron, ctx, bodies, { make: (tx, body) => createSecurityGroup(neutron, tx, ctx, body), find: securityGroupRecord })
}

async function createSecurityGroup(neutron: Neutron, tx: Tx, ctx: RequestContext, body: NewGroupBody): Promise<SecurityGroupRecord> {
  const projectId = ownerOf(neutron, ctx, body)
  authorize(neutron, ctx, 'create_security_group', { project_id: projectId, tenant_id: projectId })
  if ((body.name ?? '').toLowerCase() === 'default') throw new DefaultSecurityGroupExists('Default security group already exists.')
  await ensureDefaultGroup(neutron, tx, projectId)
  await claimQuota(neutron, tx, projectId, 'security_group')
  const now = timeText(neutron)
  const row: SecurityGroupRow = {
    id: neutron.ids.uuid(), project_id: projectId, name: body.name ?? '', description: body.description ?? '', stateful: bit(toFlag(body.stateful, true)),
    default_of: null, revision_number: 1, created_at: now, updated_at: now,
  }
  const rules = firstRules(neutron, row)
  await claimQuota(neutron, tx, projectId, 'security_group_rule', rules.length)
  await insertSecurityGroup(tx, row)
  await insertRules(tx, rules)
  return { row, rules, tags: [] }
}

export async function listSecurityGroups(neutron: Neutron, ctx: RequestContext, request: ListRequest): Promise<SecurityGroupRecord[]> {
  await ensureOwnDefault(neutron, ctx)
  return listRecords(neutron.database.read, request, seesAll(neutron, ctx) ? undefined : groupsOf(ctx.identity.projectId ?? ''))
}

/** @throws SecurityGroupNotFound also for one that the caller cannot see */
export async function findSecurityGroup(neutron: Neutron, ctx: RequestContext, db: Tx, id: string): Promise<SecurityGroupRecord> {
  const record = await securityGroupRecord(db, id)
  if (!record || !allows(neutron, ctx, 'get_security_group', groupTarget(record.row))) throw new SecurityGroupNotFound(`Security group ${id} does not exist`)
  return record
}

export async function updateSecurityGroup(neutron: Neutron, ctx: RequestContext, id: string, { body, ifRevision }: Change<GroupChangeBody>): Promise<SecurityGroupRecord> {
  return neutron.database.transaction(async (tx) => {
    const record = await findSecurityGroup(neutron, ctx, tx, id)
    const { row } = record
    authorize(neutron, ctx, 'update_security_group', groupTarget(row))
    checkRevision(row, ifRevision)
    if (row.default_of !== null && body.name !== undefined && body.name !== row.name) throw new CannotUpdateDefaultGroup('Updating default security group not allowed.')
    if (row.default_of === null && (body.name ?? '').toLowerCase() === 'default') throw new DefaultSecurityGroupExists('Default security group already exists.')
    const stateful = bit(toFlag(body.stateful, row.stateful === 1))
    if (stateful !== row.stateful && (await groupHasPorts(tx, id))) throw new SecurityGroupInUse(`Security Group ${id} in use.`)
    await updateRow(tx, 'security_groups', id, {
      ...(body.name !== undefined && { name: body.name }), ...(body.description !== undefined && { description: body.description }), stateful,
    }, timeText(neutron))
    if (stateful !== row.stateful) await rulesChanged(neutron, tx, ctx, id, row.project_id)
    return (await securityGroupRecord(tx, id)) ?? record
  })
}

/** @throws SecurityGroupInUse while a port is in it */
export async function deleteSecurityGroup(neutron: Neutron, ctx: RequestContext, id: string, ifRevision?: number): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const { row } = await findSecurityGroup(neutron, ctx, tx, id)
    authorize(neutron, ctx, 'delete_security_group', groupTarget(row))
    checkRevision(row, ifRevision)
    if (await groupHasPorts(tx, id)) throw new SecurityGroupInUse(`Security Group ${id} in use.`)
    if (row.default_of !== null && !allows(neutron, ctx, 'context_is_admin', {})) throw new CannotRemoveDefaultGroup('Insufficient rights for removing default security group.')
    // Rules of others that name it go along.
    const others = (await groupsThatName(tx, [id])).map((each) => each.security_group_id).filter((other) => other !== id)
    await deleteSecurityGroupRow(tx, id)
    await deleteTags(tx, [id])
    for (const other of others) {
      await updateRow(tx, 'security_groups', other, {}, timeText(neutron))
      await rulesChanged(neutron, tx, ctx, other, (await securityGroupRecord(tx, other))?.row.project_id ?? row.project_id)
    }
  })
}
