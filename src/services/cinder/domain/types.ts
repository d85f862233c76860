// Volume types: which one a request means, and what an administrator may do with them.
import type { RequestContext } from '#core/context'
import { findType, projectDefaultType } from '../db/volume-types.ts'
import { VolumeTypeNotFound } from '../model/errors.ts'
import type { VolumeType } from '../model/volume-type.ts'
import { type Cinder, seenFrom } from './cinder.ts'

async function lookUp(cinder: Cinder, ctx: RequestContext, idOrName: string): Promise<VolumeType | undefined> {
  const db = cinder.database.read
  return (await findType(db, { id: idOrName }, seenFrom(ctx))) ?? (await findType(db, { name: idOrName }, seenFrom(ctx)))
}

/** By id or by name, as far as the caller may use it. @throws VolumeTypeNotFound */
export async function typeFor(cinder: Cinder, ctx: RequestContext, idOrName: string): Promise<VolumeType> {
  const type = await lookUp(cinder, ctx, idOrName)
  if (!type) throw new VolumeTypeNotFound(`Volume type ${idOrName.slice(0, 80)} could not be found.`)
  return type
}

const looksLikeId = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

/** The same of a type that a body names, which upstream takes for a name where it looks like one. @throws VolumeTypeNotFound */
export async function typeNamed(cinder: Cinder, ctx: RequestContext, idOrName: string): Promise<VolumeType> {
  const type = await lookUp(cinder, ctx, idOrName)
  if (!type) throw new VolumeTypeNotFound(`Volume type ${looksLikeId.test(idOrName) ? '' : 'with name '}${idOrName.slice(0, 80)} could not be found.`)
  return type
}

/** The type of a volume that asks for none: the project's own default, or the common one. */
export async function defaultType(cinder: Cinder, ctx: RequestContext): Promise<VolumeType> {
  const db = cinder.database.read
  const own = ctx.identity.projectId === undefined ? undefined : await projectDefaultType(db, ctx.identity.projectId)
  const type = (own !== undefined && (await findType(db, { id: own }))) || (await findType(db, { name: cinder.settings.default_volume_type }))
  if (!type) throw new VolumeTypeNotFound('Default volume type can not be found.')
  return type
}
