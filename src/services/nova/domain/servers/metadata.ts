// The metadata and tags of a server, changed under its states' and locks' rules.
import type { RequestContext } from '#core/context'
import { BadRequest, Forbidden, NotFound } from '#core/errors'
import { listTags, replaceTags } from '../../db/instances.ts'
import { invalidState } from '../../model/errors.ts'
import { requestLimits } from '../limits.ts'
import type { Nova } from '../nova.ts'
import { now } from '../nova.ts'
import { refuseLocked, serverFor } from './access.ts'
import type { Located } from './locate.ts'
import { changeServer } from './update.ts'

export type Metadata = Readonly<Record<string, string>>

const changeable = ['active', 'paused', 'suspended', 'stopped']
const rule = (name: string) => `os_compute_api:server-metadata:${name}`

export async function metadataOf(nova: Nova, ctx: RequestContext, serverId: string, name: 'index' | 'show'): Promise<Metadata> {
  const { rows } = await serverFor(nova, ctx, serverId, rule(name))
  return JSON.parse(rows.instance.metadata) as Metadata
}

function refuseBusy(located: Located, what: string): void {
  const { instance } = located.rows
  if (!changeable.includes(instance.vm_state)) throw invalidState(what, instance.uuid, 'vm_state', instance.vm_state)
  if (instance.task_state !== null) throw invalidState(what, instance.uuid, 'task_state', instance.task_state)
}

/** By the limits of who asks, though the server be another project's (nova/compute/api.py, _check_metadata_properties_quota). */
export async function checkItemCount(nova: Nova, { identity }: RequestContext, metadata: Metadata): Promise<void> {
  const { metadata_items: limit } = await requestLimits(nova, identity.projectId ?? '', identity.userId)
  if (limit >= 0 && Object.keys(metadata).length > limit) throw new Forbidden(`Maximum number of metadata items exceeds ${limit}`)
}

async function write(nova: Nova, ctx: RequestContext, serverId: string, name: string, what: string, change: (metadata: Metadata) => Metadata): Promise<Metadata> {
  const located = await serverFor(nova, ctx, serverId, rule(name))
  refuseLocked(nova, ctx, located)
  refuseBusy(located, what)
  const metadata = change(JSON.parse(located.rows.instance.metadata) as Metadata)
  await checkItemCount(nova, ctx, metadata)
  await changeServer(nova, serverId, located, { metadata: JSON.stringify(metadata) })
  return metadata
}

export const addMetadata = (nova: Nova, ctx: RequestContext, serverId: string, more: Metadata) =>
  write(nova, ctx, serverId, 'create', 'update metadata', (metadata) => ({ ...metadata, ...more }))

export const replaceMetadata = (nova: Nova, ctx: RequestContext, serverId: string, metadata: Metadata) =>
  write(nova, ctx, serverId, 'update_all', 'update metadata', () => metadata)

export const setMetadataItem = (nova: Nova, ctx: RequestContext, serverId: string, key: string, item: Metadata): Promise<Metadata> => {
  if (!Object.hasOwn(item, key)) throw new BadRequest('Request body and URI mismatch')
  return write(nova, ctx, serverId, 'update', 'update metadata', (metadata) => ({ ...metadata, ...item }))
}

export const deleteMetadataItem = (nova: Nova, ctx: RequestContext, serverId: string, key: string) =>
  write(nova, ctx, serverId, 'delete', 'delete metadata', (metadata) => {
    if (!Object.hasOwn(metadata, key)) throw new NotFound('Metadata item was not found')
    return Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== key))
  })

const tagRule = (name: string) => `os_compute_api:os-server-tags:${name}`
const mostTags = 50

export async function tagsOf(nova: Nova, ctx: RequestContext, serverId: string, name: 'index' | 'show'): Promise<readonly string[]> {
  return (await serverFor(nova, ctx, serverId, tagRule(name))).rows.tags
}

export async function writeTags(nova: Nova, ctx: RequestContext, serverId: string, name: string, change: (tags: readonly string[]) => readonly string[]): Promise<readonly string[]> {
  const located = await serverFor(nova, ctx, serverId, tagRule(name))
  const { instance } = located.rows
  const { cell } = located
  if (!cell || !changeable.includes(instance.vm_state)) throw invalidState(`${name.split('_')[0]} tags`, serverId, 'vm_state', instance.vm_state)
  return nova.cells[cell].transaction(async (tx) => {
    const tags = [...new Set(change(await listTags(tx, serverId)))].sort()
    if (tags.length > mostTags) throw new BadRequest(`The number of tags exceeded the per-server limit ${mostTags}`)
    await replaceTags(tx, serverId, tags, now(nova))
    return tags
  })
}
