// One volume, or a list, as a caller may see it: another project's is not there.
import type { RequestContext } from '#core/context'
import type { Page } from '#core/http'
import { findVolume, listVolumes as listRows, type VolumeFilter } from '../../db/volumes.ts'
import { VolumeNotFound } from '../../model/errors.ts'
import type { Volume } from '../../model/volume.ts'
import { type Allowed, authorize, type Cinder, seenFrom } from '../cinder.ts'

/** @throws VolumeNotFound, Forbidden */
export async function volumeFor(cinder: Cinder, ctx: RequestContext, id: string, rule: string): Promise<Allowed<Volume>> {
  const volume = await findVolume(cinder.database.read, id.toLowerCase(), seenFrom(ctx))
  if (!volume) throw new VolumeNotFound(`Volume ${id.slice(0, 80)} could not be found.`)
  return authorize(cinder, ctx, rule, volume)
}

/** @throws VolumeNotFound for a marker that is no volume of this view */
export async function listVolumes(cinder: Cinder, filter: VolumeFilter, page: Page, offset: number): Promise<Volume[]> {
  const volumes = await listRows(cinder.database.read, filter, page, offset)
  if (!volumes) throw new VolumeNotFound(`Volume ${(page.marker ?? '').slice(0, 80)} could not be found.`)
  return volumes
}
