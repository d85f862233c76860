// Subnets: blocks of addresses, with whether their network is shared or external.
import { type SqlBool, sql } from '#core/db'
import { type Condition, grouped, listed, type ListOf, type ListRequest, listRows, rowsBy, tagFilters } from './list.ts'
import { tagsOf, type Tx } from './networks.ts'
import type { NetworkRow, SubnetRow } from './tables.ts'

export interface SubnetRecord {
  readonly row: SubnetRow
  readonly network: Pick<NetworkRow, 'project_id' | 'shared' | 'external'>
  readonly tags: readonly string[]
}

export const subnetList: ListOf = {
  table: 'subnets',
  columns: listed('subnets', {
    texts: ['name', 'network_id', 'cidr', 'gateway_ip', 'ipv6_address_mode', 'ipv6_ra_mode'], flags: ['enable_dhcp'], numbers: ['ip_version'],
  }),
  special: {
    ...tagFilters('subnets'),
    shared: (values) => ofNetwork('shared', values),
    'router:external': (values) => ofNetwork('external', values),
    subnetpool_id: () => sql<SqlBool>`1 = 0`,
    segment_id: () => sql<SqlBool>`1 = 0`,
  },
  constant: ['subnetpool_id'],
}

function ofNetwork(column: string, values: readonly string[]): Condition {
  const wanted = values.map((value) => (value === 'true' ? 1 : 0))
  return sql<SqlBool>`subnets.network_id in (select id from networks where ${sql.ref(column)} in (${sql.join(wanted)}))`
}

/** A project sees its own subnets and those of shared networks and of networks that it owns; of external networks none. */
export function subnetsOf(projectId: string): Condition {
  return sql<SqlBool>`(subnets.project_id = ${projectId} or subnets.network_id in (select id from networks where shared = 1 or project_id = ${projectId}))`
}

async function complete(db: Tx, rows: readonly SubnetRow[]): Promise<SubnetRecord[]> {
  if (rows.length === 0) return []
  const networks = grouped(await rowsBy<NetworkRow>(db, 'networks', 'id', [...new Set(rows.map((row) => row.network_id))]), 'id')
  const tags = grouped(await tagsOf(db, rows.map((row) => row.id)), 'resource_id')
  return rows.map((row) => ({
    row, network: networks.get(row.network_id)?.[0] ?? { project_id: '', shared: 0, external: 0 },
    tags: (tags.get(row.id) ?? []).map((tag) => tag.tag),
  }))
}

export async function listSubnets(db: Tx, request: ListRequest, scope?: Condition): Promise<SubnetRecord[]> {
  return complete(db, await listRows<SubnetRow>(db, subnetList, request, scope))
}

export async function subnetRecord(db: Tx, id: string): Promise<SubnetRecord | undefined> {
  const row = await subnetRow(db, id)
  return row && (await complete(db, [row]))[0]
}

export async function subnetRow(db: Tx, id: string): Promise<SubnetRow | undefined> {
  return db.selectFrom('subnets').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function subnetsOfNetwork(db: Tx, networkId: string): Promise<SubnetRow[]> {
  return db.selectFrom('subnets').selectAll().where('network_id', '=', networkId).orderBy('created_at').orderBy('id').execute()
}

export async function subnetsOfNetworks(db: Tx, networkIds: readonly string[]): Promise<SubnetRow[]> {
  return rowsBy<SubnetRow>(db, 'subnets', 'network_id', networkIds, 'created_at')
}

export async function insertSubnet(tx: Tx, row: SubnetRow): Promise<void> {
  await tx.insertInto('subnets').values(row).execute()
}

export async function deleteSubnetRow(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('subnets').where('id', '=', id).execute()
}
