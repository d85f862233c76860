// Tags: words that an object's owner gives it. Whoever may change the object may tag it, and nobody else (CVE-2024-53916).
import type { RequestContext } from '#core/context'
import { NotFound } from '#core/errors'
import { deleteTags as deleteAll, type Tx, updateRow } from '../db/networks.ts'
import { deleteTag as deleteOne, insertTags, tagsOfObject } from '../db/tags.ts'
import { badRequest, InvalidInput, TagNotFound } from '../model/errors.ts'
import { authorize, type Target } from './access.ts'
import { findFloatingIp } from './floating-ips.ts'
import { findNetwork } from './networks.ts'
import { type Neutron, timeText } from './neutron.ts'
import { findPort } from './ports/list.ts'
import { findRouter } from './routers.ts'
import { findSecurityGroup } from './security-groups.ts'
import { findSubnet } from './subnets.ts'
import { networkTarget, subnetTarget, portTarget, routerTarget } from './targets.ts'

interface Tagged {
  readonly table: Parameters<typeof updateRow>[1]
  readonly rules: string
  target(neutron: Neutron, ctx: RequestContext, tx: Tx, id: string): Promise<Target>
}

const nouns: Readonly<Record<string, Tagged>> = {
  networks: { table: 'networks', rules: 'networks', target: async (...args) => networkTarget((await findNetwork(...args)).row) },
  subnets: { table: 'subnets', rules: 'subnets', target: async (...args) => subnetTarget(await findSubnet(...args)) },
  ports: {
    table: 'ports', rules: 'ports',
    async target(...args) {
      const { record, network } = await findPort(...args)
      return portTarget(record.row, network)
    },
  },
  routers: { table: 'routers', rules: 'routers', target: async (...args) => routerTarget((await findRouter(...args)).row) },
  floatingips: { table: 'floating_ips', rules: 'floatingips', target: async (...args) => routerTarget((await findFloatingIp(...args)).row) },
  'security-groups': { table: 'security_groups', rules: 'security_groups', target: async (...args) => routerTarget((await findSecurityGroup(...args)).row) },
}
const mostTags = 50

interface Where {
  readonly plural: string
  readonly id: string
}

async function reach(neutron: Neutron, ctx: RequestContext, tx: Tx, what: 'get' | 'update' | 'delete', { plural, id }: Where): Promise<Tagged> {
  const noun = Object.hasOwn(nouns, plural) ? nouns[plural] : undefined
  if (!noun) throw new NotFound('The resource could not be found.')
  const target = await noun.target(neutron, ctx, tx, id)
  authorize(neutron, ctx, `${what}_${noun.rules}_tags`, target)
  return noun
}

export async function listTags(neutron: Neutron, ctx: RequestContext, where: Where): Promise<string[]> {
  await reach(neutron, ctx, neutron.database.read, 'get', where)
  return tagsOfObject(neutron.database.read, where.id)
}

/** @throws TagNotFound */
export async function requireTag(neutron: Neutron, ctx: RequestContext, where: Where, tag: string): Promise<void> {
  if (!(await listTags(neutron, ctx, where)).includes(tag)) throw absent(tag)
}

const tooMany = ({ plural }: Where) => badRequest(plural.replaceAll('-', '_'), `The number of tags exceed the per-resource limit of ${mostTags}`)
const absent = (tag: string) => new TagNotFound(`Tag ${tag} could not be found.`)

export async function replaceTags(neutron: Neutron, ctx: RequestContext, where: Where, tags: readonly string[]): Promise<string[]> {
  const twice = tags.filter((tag, at) => tags.indexOf(tag) < at)
  if (twice.length > 0) throw new InvalidInput(`Invalid input for operation: Duplicate items in the list: '${[...new Set(twice)].join(', ')}'.`)
  if (tags.length > mostTags) throw tooMany(where)
  return neutron.database.transaction(async (tx) => {
    const { table } = await reach(neutron, ctx, tx, 'update', where)
    await deleteAll(tx, [where.id])
    await insertTags(tx, where.id, tags)
    await updateRow(tx, table, where.id, {}, timeText(neutron))
    return tagsOfObject(tx, where.id)
  })
}

export async function addTag(neutron: Neutron, ctx: RequestContext, where: Where, tag: string): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const { table } = await reach(neutron, ctx, tx, 'update', where)
    const known = await tagsOfObject(tx, where.id)
    if (known.includes(tag)) return
    if (known.length >= mostTags) throw tooMany(where)
    await insertTags(tx, where.id, [tag])
    await updateRow(tx, table, where.id, {}, timeText(neutron))
  })
}

export async function deleteTags(neutron: Neutron, ctx: RequestContext, where: Where): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const { table } = await reach(neutron, ctx, tx, 'delete', where)
    await deleteAll(tx, [where.id])
    await updateRow(tx, table, where.id, {}, timeText(neutron))
  })
}

export async function deleteTag(neutron: Neutron, ctx: RequestContext, where: Where, tag: string): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const { table } = await reach(neutron, ctx, tx, 'delete', where)
    if (!(await deleteOne(tx, where.id, tag))) throw absent(tag)
    await updateRow(tx, table, where.id, {}, timeText(neutron))
  })
}
