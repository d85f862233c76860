// Handlers of volumes: from bodies and queries to the domain, and back.
import type { RequestContext } from '#core/context'
import { BadRequest, Forbidden } from '#core/errors'
import type { HandlerInput, Handlers } from '#core/http'
import type { RouteSpec, Version } from '#core/spec'
import { markTokenCheck } from '#core/trace'
import type { volumeRoutes } from '../contract/volumes.ts'
import { countVolumes, distinctMetadata, type VolumeFilter, volumeSortColumns } from '../db/volumes.ts'
import { authorize, type Cinder, isAdmin, may } from '../domain/cinder.ts'
import { imageFor } from '../domain/images.ts'
import { defaultType, typeNamed } from '../domain/types.ts'
import { createVolume } from '../domain/volumes/create.ts'
import { deleteVolume } from '../domain/volumes/delete.ts'
import { listVolumes, volumeFor } from '../domain/volumes/find.ts'
import { updateVolume, type VolumeChange } from '../domain/volumes/update.ts'
import { InvalidInput, SourceNotFound } from '../model/errors.ts'
import type { Volume } from '../model/volume.ts'
import { nextPage } from './links.ts'
import { isGiven, looseBoolean, pageOf, type Query, switchOf } from './lists.ts'
import { volumeFilter } from './volume-filters.ts'
import { eyesOf, viewVolume, viewVolumeName } from './views/volumes.ts'

const sortable = Object.keys(volumeSortColumns)

export function volumeHandlers(cinder: Cinder): Handlers<typeof volumeRoutes> {
  async function page(input: Pick<HandlerInput<RouteSpec>, 'ctx' | 'version' | 'baseUrl'> & { query: Query }, path: string) {
    const { ctx, version, baseUrl, query } = input
    const { page, offset } = pageOf(query, sortable, cinder.settings.osapi_max_limit)
    const filter = volumeFilter(ctx, version, query)
    const volumes = await listVolumes(cinder, filter, page, offset)
    const links = nextPage(`${baseUrl}${path}`, query, volumes.map((volume) => volume.id), page.limit)
    const counted = version.atLeast('3.45') && switchOf(query, 'with_count')
    return { volumes, rest: { ...(links && { volumes_links: links }), ...(counted && { count: (await countVolumes(cinder.database.read, filter)).count }) } }
  }

  const view = (ctx: RequestContext, version: Version, baseUrl: string, volume: Volume, extended: boolean) =>
    ({ volume: viewVolume(eyesOf(cinder, ctx, version, baseUrl), volume, extended) })

  return {
    async createVolume({ ctx, version, baseUrl, body }) {
      markTokenCheck(cinder.trace, ctx, 40)
      const { volume: asked } = body
      const imageId = asked.imageRef ?? asked.image_id ?? undefined
      const projectId = ctx.identity.projectId
      if (projectId === undefined) throw new Forbidden('A volume is created in a project; the token has none.')
      authorize(cinder, ctx, imageId ? 'volume:create_from_image' : 'volume:create', { projectId })
      await refuseOtherSources(cinder, ctx, asked)
      if (isGiven(asked.multiattach) && looseBoolean(asked.multiattach)) {
        throw new BadRequest('multiattach parameter has been removed. The default behavior is to use multiattach enabled volume types. Contact your administrator to create a multiattach enabled volume type and use it to create multiattach volumes.')
      }
      if (!isGiven(asked.size)) throw new InvalidInput("Invalid input received: Volume size 'None' must be an integer and greater than 0")
      const sizeGiB = Number(asked.size)
      if (sizeGiB > 2_147_483_647) throw new InvalidInput(`Invalid input received: Volume size '${asked.size}' is too large.`)
      const type = asked.volume_type ? await typeNamed(cinder, ctx, asked.volume_type) : await defaultType(cinder, ctx)
      const image = imageId ? await imageFor(cinder, ctx, imageId, sizeGiB) : undefined
      const hints = body['OS-SCH-HNT:scheduler_hints']
      const volume = await createVolume(cinder, ctx, {
        name: trimmed(asked.name ?? asked.display_name), description: trimmed(asked.description ?? asked.display_description), sizeGiB, type,
        availabilityZone: asked.availability_zone ?? null, metadata: asked.metadata ?? {}, ...(image && { image }), ...(hints && { hints }),
      })
      return { status: 202, body: view(ctx, version, baseUrl, volume, false) }
    },

    async listVolumes(input) {
      const { volumes, rest } = await page(input, '/volumes')
      return { status: 200, body: { volumes: volumes.map((volume) => viewVolumeName(input, volume)), ...rest } }
    },

    async listVolumesDetail(input) {
      const { volumes, rest } = await page(input, '/volumes/detail')
      const eyes = eyesOf(cinder, input.ctx, input.version, input.baseUrl)
      return { status: 200, body: { volumes: volumes.map((volume) => viewVolume(eyes, volume, true)), ...rest } }
    },

    async summarizeVolumes({ ctx, version, query }) {
      const filter: VolumeFilter = isAdmin(ctx) && switchOf(query, 'all_tenants') ? {} : { projectId: ctx.identity.projectId ?? '' }
      const { count, sizeGiB } = await countVolumes(cinder.database.read, filter)
      const summary = { total_count: count, total_size: sizeGiB }
      if (!version.atLeast('3.36')) return { status: 200, body: { 'volume-summary': summary } }
      return { status: 200, body: { 'volume-summary': { ...summary, metadata: await distinctMetadata(cinder.database.read, filter) } } }
    },

    async showVolume({ ctx, version, baseUrl, params }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:get')
      return { status: 200, body: view(ctx, version, baseUrl, volume, true) }
    },

    async updateVolume({ ctx, version, baseUrl, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:update')
      const changed = await updateVolume(cinder, volume, changeOf(body.volume))
      return { status: 200, body: view(ctx, version, baseUrl, changed, false) }
    },

    async deleteVolume({ ctx, version, params, query }) {
      const force = version.atLeast('3.23') && switchOf(query, 'force')
      switchOf(query, 'cascade') // Snapshots are not built, so there is never any to go along.
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:delete')
      if (force && !may(cinder, ctx, 'volume:force_delete', volume.projectId)) throw new Forbidden("Policy doesn't allow volume:force_delete to be performed.")
      await deleteVolume(cinder, ctx, volume, { force })
      return { status: 202 }
    },
  }
}

/** Of what there are none yet, none is found; another volume can be there, but is not copied yet. @throws SourceNotFound, VolumeNotFound, InvalidInput */
async function refuseOtherSources(cinder: Cinder, ctx: RequestContext, asked: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [key, noun] of [['snapshot_id', 'Snapshot'], ['backup_id', 'Backup'], ['group_id', 'Group'], ['consistencygroup_id', 'Group']] as const) {
    const id = asked[key]
    if (typeof id === 'string' && id !== '') throw new SourceNotFound(`${noun} ${id.slice(0, 80)} could not be found.`)
  }
  const volumeId = asked['source_volid']
  if (typeof volumeId !== 'string' || volumeId === '') return
  await volumeFor(cinder, ctx, volumeId, 'volume:get')
  throw new InvalidInput('Invalid input received: source_volid is not supported; create the volume empty or from an image.')
}

/** Names lose the spaces around them (cinder/api/validation, name_non_mandatory_remove_white_spaces). */
function trimmed(text: string | null | undefined): string | null {
  return isGiven(text) ? text.trim() : null
}

interface AskedChange {
  readonly name?: string | null
  readonly display_name?: string | null
  readonly description?: string | null
  readonly display_description?: string | null
  readonly metadata?: Readonly<Record<string, string>>
}

function changeOf(asked: AskedChange): VolumeChange {
  const name = asked.name !== undefined ? asked.name : asked.display_name
  const description = asked.description !== undefined ? asked.description : asked.display_description
  return {
    ...(name !== undefined && { name: trimmed(name) }), ...(description !== undefined && { description: trimmed(description) }),
    ...(asked.metadata && { metadata: asked.metadata }),
  }
}
