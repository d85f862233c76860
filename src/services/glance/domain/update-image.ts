// Changing the record of an image by a list of changes, all or none; and its tags, one by one.
import type { RequestContext } from '#core/context'
import { BadRequest, Conflict, Forbidden, NotFound } from '#core/errors'
import { updateImage as updateRow } from '../db/images.ts'
import { imageNotFound } from '../model/errors.ts'
import type { Image, Visibility } from '../model/images.ts'
import { authorize, isAdmin, seeImage } from './access.ts'
import { authorizeVisibility } from './create-image.ts'
import type { Glance } from './glance.ts'
import { checkParts } from './quota.ts'

export interface Change {
  readonly operation: 'add' | 'replace' | 'remove'
  readonly name: string
  readonly value?: unknown
}

/** Wire names of attributes, and how a value becomes part of the image; the value was checked against its schema. */
const attributes: Readonly<Record<string, (value: never) => Partial<Image>>> = {
  name: (name: string | null) => ({ name }),
  visibility: (visibility: Visibility) => ({ visibility }),
  protected: (isProtected: boolean) => ({ isProtected }),
  os_hidden: (isHidden: boolean) => ({ isHidden }),
  owner: (owner: string | null) => ({ owner }),
  container_format: (containerFormat: string | null) => ({ containerFormat }),
  disk_format: (diskFormat: string | null) => ({ diskFormat }),
  min_ram: (minRamMiB: number) => ({ minRamMiB }),
  min_disk: (minDiskGiB: number) => ({ minDiskGiB }),
  tags: (tags: readonly string[]) => ({ tags: [...new Set(tags)] }),
}

export async function updateImage(glance: Glance, ctx: RequestContext, id: string, changes: readonly Change[]): Promise<Image> {
  return glance.database.transaction(async (tx) => {
    const seen = await seeImage(glance, tx, ctx, id)
    authorize(glance, ctx, 'modify_image', seen)
    const before = seen.image
    let image = before
    for (const change of changes) image = apply(glance, ctx, image, change)
    if (changes.length === 0) return before
    checkParts(glance.limits, image)
    const after = { ...image, updatedAt: glance.clock.now().toISOString() }
    await updateRow(tx, before, after)
    return after
  })
}

function apply(glance: Glance, ctx: RequestContext, image: Image, { operation, name, value }: Change): Image {
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  if (!attribute) return applyToProperty(image, { operation, name, value })
  if (operation === 'remove') throw new Forbidden(`Property ${name} may not be removed.`)
  if (name === 'owner' && !isAdmin(glance, ctx)) throw new Forbidden("Owner can't be updated by non admin.")
  if ((name === 'disk_format' || name === 'container_format') && image.status !== 'queued') throw new Forbidden(`Attribute ${name} can be only replaced for a queued image.`)
  if (name === 'visibility') authorizeVisibility(glance, ctx, image, value as Visibility)
  return { ...image, ...attribute(value as never) }
}

function applyToProperty(image: Image, { operation, name, value }: Change): Image {
  if (operation !== 'add' && !image.properties.has(name)) throw new Conflict(`Property ${name} does not exist.`)
  const properties = new Map(image.properties)
  // Null, which kernel_id and ramdisk_id may be, says that there is none.
  if (operation === 'remove' || value === null) properties.delete(name)
  else properties.set(name, value as string)
  return { ...image, properties }
}

export async function addTag(glance: Glance, ctx: RequestContext, id: string, tag: string): Promise<void> {
  if (tag.length > 255 || tag === '') throw new BadRequest(`Failed to add tag: '${tag.slice(0, 80)}' is too long. It has 1 to 255 characters.`)
  await changeTags(glance, ctx, id, (tags) => (tags.includes(tag) ? tags : [...tags, tag]))
}

export async function removeTag(glance: Glance, ctx: RequestContext, id: string, tag: string): Promise<void> {
  await changeTags(glance, ctx, id, (tags) => {
    if (!tags.includes(tag)) throw new NotFound('The resource could not be found.')
    return tags.filter((each) => each !== tag)
  })
}

async function changeTags(glance: Glance, ctx: RequestContext, id: string, change: (tags: readonly string[]) => readonly string[]): Promise<void> {
  await glance.database.transaction(async (tx) => {
    const seen = await seeImage(glance, tx, ctx, id, imageNotFound)
    authorize(glance, ctx, 'modify_image', seen)
    const after = { ...seen.image, tags: change(seen.image.tags), updatedAt: glance.clock.now().toISOString() }
    checkParts(glance.limits, after)
    await updateRow(tx, seen.image, after)
  })
}
