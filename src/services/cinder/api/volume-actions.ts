// Handlers of what is done to a volume by action, and of its metadata.
import { createHash } from 'node:crypto'
import { BadRequest } from '#core/errors'
import type { Handlers } from '#core/http'
import type { volumeActionRoutes, volumeMetadataRoutes } from '../contract/volume-actions.ts'
import * as legacy from '../domain/attachments/legacy.ts'
import type { Cinder } from '../domain/cinder.ts'
import { deleteVolume } from '../domain/volumes/delete.ts'
import { extendVolume } from '../domain/volumes/extend.ts'
import { volumeFor } from '../domain/volumes/find.ts'
import { changeMetadata, dropMetadata } from '../domain/volumes/metadata.ts'
import { checkAskedStatus, resetStatus } from '../domain/volumes/reset.ts'
import { updateVolume } from '../domain/volumes/update.ts'
import { ImageMetadataNotFound, InvalidVolume, MetadataNotFound } from '../model/errors.ts'
import { dashed } from './attachments.ts'
import { isGiven, looseBoolean } from './lists.ts'

const actions = 'volume_extension:volume_actions'
const admins = 'volume_extension:volume_admin_actions'

export function volumeActionHandlers(cinder: Cinder): Handlers<typeof volumeActionRoutes> {
  return {
    async attach({ ctx, params, body }) {
      const { instance_uuid: serverId, host_name: host, mountpoint, mode } = body['os-attach']
      const volume = await volumeFor(cinder, ctx, params.id, `${actions}:attach`)
      await legacy.noteAttached(cinder, volume, {
        serverId: serverId === undefined ? null : dashed(serverId), host: host ?? null, device: mountpoint, mode: mode ?? 'rw',
      })
      return { status: 202 }
    },
    async detach({ ctx, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, `${actions}:detach`)
      const id = body['os-detach']?.attachment_id
      await legacy.detachVolume(cinder, ctx, volume, isGiven(id) ? dashed(id) : undefined)
      return { status: 202 }
    },
    async reserve({ ctx, params }) {
      await legacy.reserveVolume(cinder, await volumeFor(cinder, ctx, params.id, `${actions}:reserve`))
      return { status: 202 }
    },
    async unreserve({ ctx, params }) {
      await legacy.unreserveVolume(cinder, await volumeFor(cinder, ctx, params.id, `${actions}:unreserve`))
      return { status: 202 }
    },
    async beginDetaching({ ctx, params }) {
      await legacy.beginDetaching(cinder, await volumeFor(cinder, ctx, params.id, `${actions}:begin_detaching`))
      return { status: 202 }
    },
    async rollDetaching({ ctx, params }) {
      await legacy.rollDetaching(cinder, await volumeFor(cinder, ctx, params.id, `${actions}:roll_detaching`))
      return { status: 202 }
    },
    async initializeConnection({ ctx, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, `${actions}:initialize_connection`)
      const { connector } = body['os-initialize_connection']
      const multipath = typeof connector === 'object' && connector['enforce_multipath'] === true
      const info = await legacy.initializeConnection(cinder, ctx, volume, typeof connector === 'object' && connector['mode'] === 'ro')
      return { status: 200, body: { connection_info: { ...info, enforce_multipath: multipath } } }
    },
    async terminateConnection({ ctx, params }) {
      await legacy.terminateConnection(cinder, ctx, await volumeFor(cinder, ctx, params.id, `${actions}:terminate_connection`))
      return { status: 202 }
    },
    async extend({ ctx, version, params, body }) {
      const seen = await volumeFor(cinder, ctx, params.id, 'volume:get')
      const inUse = version.atLeast('3.42') && seen.status === 'in-use'
      const volume = await volumeFor(cinder, ctx, params.id, inUse ? 'volume:extend_attached_volume' : 'volume:extend')
      const size = Number(body['os-extend'].new_size)
      if (size > 2_147_483_647) throw new BadRequest(`Invalid input for field/attribute new_size. Value: ${size}. It is too large`)
      await extendVolume(cinder, ctx, volume, size, inUse)
      return { status: 202 }
    },
    async resetStatus({ ctx, params, body }) {
      const asked = body['os-reset_status']
      checkAskedStatus(asked)
      await resetStatus(cinder, await volumeFor(cinder, ctx, params.id, `${admins}:reset_status`), asked)
      return { status: 202 }
    },
    async forceDelete({ ctx, params }) {
      await deleteVolume(cinder, ctx, await volumeFor(cinder, ctx, params.id, `${admins}:force_delete`), { force: true })
      return { status: 202 }
    },
    async forceDetach({ ctx, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, `${admins}:force_detach`)
      await legacy.terminateConnection(cinder, ctx, volume)
      await legacy.detachVolume(cinder, ctx, volume, body['os-force_detach'].attachment_id ?? undefined)
      return { status: 202 }
    },
    async setBootable({ ctx, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:update')
      await updateVolume(cinder, volume, { bootable: looseBoolean(body['os-set_bootable'].bootable) })
      return { status: 200 }
    },
    async updateReadonlyFlag({ ctx, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:update_readonly_flag')
      if (volume.status !== 'available') {
        throw new InvalidVolume(`Invalid volume: Volume ${volume.id} status must be available to update readonly flag, but current status is: ${volume.status}.`)
      }
      await updateVolume(cinder, volume, { readOnly: looseBoolean(body['os-update_readonly_flag'].readonly) })
      return { status: 202 }
    },
    async setImageMetadata({ ctx, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume_extension:volume_image_metadata:set')
      return { status: 200, body: { metadata: await changeMetadata(cinder, volume, 'volume_image_metadata', body['os-set_image_metadata'].metadata, false) } }
    },
    async showImageMetadata({ ctx, params }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:get_volume_metadata')
      return { status: 200, body: { metadata: volume.imageMetadata } }
    },
    async unsetImageMetadata({ ctx, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume_extension:volume_image_metadata:remove')
      if (!(await dropMetadata(cinder, volume, 'volume_image_metadata', body['os-unset_image_metadata'].key))) {
        throw new ImageMetadataNotFound(`Glance metadata for volume/snapshot ${volume.id} cannot be found.`)
      }
      return { status: 200 }
    },
  }
}

export function volumeMetadataHandlers(cinder: Cinder): Handlers<typeof volumeMetadataRoutes> {
  const absent = (id: string, key: string) => new MetadataNotFound(`Volume ${id} has no metadata with key ${key.slice(0, 80)}.`)
  return {
    async listMetadata({ ctx, version, params }) {
      const { metadata } = await volumeFor(cinder, ctx, params.id, 'volume:get_volume_metadata')
      return { status: 200, body: { metadata }, ...(version.atLeast('3.15') && { headers: { Etag: tagOf(metadata) } }) }
    },
    async createMetadata({ ctx, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:create_volume_metadata')
      return { status: 200, body: { metadata: await changeMetadata(cinder, volume, 'volume_metadata', body.metadata, false) } }
    },
    async replaceMetadata({ ctx, version, headers, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:update_volume_metadata')
      if (version.atLeast('3.15') && isOutdated(headers['if-match'], volume.metadata)) return { status: 412 }
      return { status: 200, body: { metadata: await changeMetadata(cinder, volume, 'volume_metadata', body.metadata, true) } }
    },
    async showMetadataItem({ ctx, params }) {
      const { metadata } = await volumeFor(cinder, ctx, params.id, 'volume:get_volume_metadata')
      const value = Object.hasOwn(metadata, params.key) ? metadata[params.key] : undefined
      if (value === undefined) throw absent(params.id, params.key)
      return { status: 200, body: { meta: { [params.key]: value } } }
    },
    async updateMetadataItem({ ctx, version, headers, params, body }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:update_volume_metadata')
      if (version.atLeast('3.15') && isOutdated(headers['if-match'], volume.metadata)) return { status: 412 }
      const keys = Object.keys(body.meta)
      if (keys.length !== 1) throw new BadRequest('Request body contains too many items')
      if (keys[0] !== params.key) throw new BadRequest('Request body and URI mismatch')
      await changeMetadata(cinder, volume, 'volume_metadata', body.meta, false)
      return { status: 200, body: { meta: body.meta } }
    },
    async deleteMetadataItem({ ctx, params }) {
      const volume = await volumeFor(cinder, ctx, params.id, 'volume:delete_volume_metadata')
      if (!(await dropMetadata(cinder, volume, 'volume_metadata', params.key))) throw absent(volume.id, params.key)
      return { status: 200 }
    },
  }
}

/** The hash of what a list of the metadata answers. */
function tagOf(metadata: Readonly<Record<string, string>>): string {
  return createHash('md5').update(JSON.stringify({ metadata })).digest('hex')
}

/** From 3.15: a change that names the tag it saw is refused when the metadata are others by now. */
function isOutdated(wanted: string | undefined, metadata: Readonly<Record<string, string>>): boolean {
  if (wanted === undefined || wanted === '*') return false
  const tags = wanted.split(',').map((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', ''))
  return !tags.includes(tagOf(metadata))
}
