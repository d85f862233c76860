// What administrators do with volume types: make, change and remove them, and say who may use them.
import type { RequestContext } from '#core/context'
import { isUniqueViolation } from '#core/db'
import { BadRequest } from '#core/errors'
import { once } from '#core/operations'
import {
  deleteExtraSpec, deleteType as deleteRow, deleteTypeProject, findType, insertType, insertTypeProject, setExtraSpecs, updateType as updateRow,
} from '../db/volume-types.ts'
import { typeIsUsed } from '../db/volumes.ts'
import { ExtraSpecNotFound, InvalidInput, ResourceConflict, TypeAccessExists, TypeAccessNotFound, TypeExists, VolumeTypeNotFound } from '../model/errors.ts'
import { defaultTypeName, type VolumeType } from '../model/volume-type.ts'
import type { Cinder } from './cinder.ts'

export interface NewType {
  readonly name: string
  readonly description: string | null
  readonly isPublic: boolean
  readonly extraSpecs: Readonly<Record<string, string | null>>
}

const notFound = (id: string) => new VolumeTypeNotFound(`Volume type ${id.slice(0, 80)} could not be found.`)

/** @throws TypeExists */
export async function createType(cinder: Cinder, ctx: RequestContext, wanted: NewType): Promise<VolumeType> {
  const { clock, ids, database } = cinder
  try {
    return await database.transaction(async (tx) => {
      const { value } = await once(tx, ctx, cinder, async () => {
        const id = ids.uuid()
        await insertType(tx, { id, ...wanted }, clock.now().toISOString())
        await setExtraSpecs(tx, id, wanted.extraSpecs)
        return { id }
      })
      const made = await findType(tx, { id: value.id })
      if (!made) throw new ResourceConflict(`The volume type ${value.id} that this request made the first time is gone.`)
      return made
    })
  } catch (error) {
    throw isUniqueViolation(error) ? new TypeExists(`Volume Type ${wanted.name} already exists.`) : error
  }
}

/** @throws TypeExists */
export async function updateType(cinder: Cinder, type: VolumeType, change: { name?: string; description?: string | null; isPublic?: boolean }): Promise<VolumeType> {
  const { name, description, isPublic } = change
  try {
    return await cinder.database.transaction(async (tx) => {
      await updateRow(tx, type.id, {
        updated_at: cinder.clock.now().toISOString(), ...(name !== undefined && { name }), ...(description !== undefined && { description }),
        ...(isPublic !== undefined && { is_public: isPublic ? 1 : 0 }),
      })
      const changed = await findType(tx, { id: type.id })
      if (!changed) throw notFound(type.id)
      return changed
    })
  } catch (error) {
    throw isUniqueViolation(error) ? new TypeExists(`Volume Type ${name ?? type.name} already exists.`) : error
  }
}

/** @throws BadRequest for the default type, and for one that volumes have */
export async function deleteType(cinder: Cinder, type: VolumeType): Promise<void> {
  if (type.name === defaultTypeName || type.name === cinder.settings.default_volume_type) {
    throw new BadRequest(`The volume type ${type.id} is a default volume type and cannot be deleted.`)
  }
  await cinder.database.transaction(async (tx) => {
    if (await typeIsUsed(tx, type.id)) throw new BadRequest('Target volume type is still in use.')
    await deleteRow(tx, type.id)
  })
}

/** @throws BadRequest when volumes have the type */
export async function changeExtraSpecs(cinder: Cinder, type: VolumeType, specs: Readonly<Record<string, string | null>>): Promise<void> {
  await cinder.database.transaction(async (tx) => {
    if (await typeIsUsed(tx, type.id)) throw new BadRequest('Volume Type is currently in use.')
    await setExtraSpecs(tx, type.id, specs)
  })
}

/** @throws ExtraSpecNotFound, BadRequest */
export async function removeExtraSpec(cinder: Cinder, type: VolumeType, key: string): Promise<void> {
  await cinder.database.transaction(async (tx) => {
    if (await typeIsUsed(tx, type.id)) throw new BadRequest('Volume Type is currently in use.')
    if (!(await deleteExtraSpec(tx, type.id, key))) throw new ExtraSpecNotFound(`Volume Type ${type.id} has no extra specs with key ${key.slice(0, 80)}.`)
  })
}

/** @throws InvalidInput for a public type, TypeAccessExists */
export async function addTypeAccess(cinder: Cinder, type: VolumeType, projectId: string): Promise<void> {
  if (type.isPublic) throw new InvalidInput('Invalid input received: Type access modification is not applicable to public volume type.')
  try {
    await cinder.database.transaction((tx) => insertTypeProject(tx, type.id, projectId))
  } catch (error) {
    throw isUniqueViolation(error) ? new TypeAccessExists(`Volume type access for ${type.id} / ${projectId} combination already exists.`) : error
  }
}

/** @throws InvalidInput for a public type, TypeAccessNotFound */
export async function removeTypeAccess(cinder: Cinder, type: VolumeType, projectId: string): Promise<void> {
  if (type.isPublic) throw new InvalidInput('Invalid input received: Type access modification is not applicable to public volume type.')
  await cinder.database.transaction(async (tx) => {
    if (!(await deleteTypeProject(tx, type.id, projectId))) throw new TypeAccessNotFound(`Volume type access not found for ${type.id} / ${projectId} combination.`)
  })
}
