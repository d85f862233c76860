// A volume as clients see it, by version and role.
import type { RequestContext } from '#core/context'
import type { Version } from '#core/spec'
import type { Volume as WireVolume } from '../../contract/volumes.ts'
import { type Cinder, isAdmin, may } from '../../domain/cinder.ts'
import type { Attachment } from '../../model/attachment.ts'
import type { Volume } from '../../model/volume.ts'
import { linksOf, wireTime } from '../links.ts'

/** What of a volume the caller may see; the same for a whole page. */
export interface Eyes {
  readonly admin: boolean
  readonly service: boolean
  readonly host: boolean
  readonly migration: boolean
  readonly version: Version
  readonly baseUrl: string
}

export function eyesOf(cinder: Cinder, ctx: RequestContext, version: Version, baseUrl: string): Eyes {
  return {
    admin: isAdmin(ctx), service: ctx.identity.roles.includes('service'), version, baseUrl,
    host: may(cinder, ctx, 'volume_extension:volume_host_attribute', ctx.identity.projectId),
    migration: may(cinder, ctx, 'volume_extension:volume_mig_status_attribute', ctx.identity.projectId),
  }
}

export function viewVolumeName({ baseUrl }: Pick<Eyes, 'baseUrl'>, volume: Volume) {
  return { id: volume.id, name: volume.name, links: linksOf(baseUrl, 'volumes', volume.id) }
}

function viewUse({ admin, service }: Eyes, attachment: Attachment) {
  return {
    id: attachment.volumeId, attachment_id: attachment.id, volume_id: attachment.volumeId, server_id: attachment.serverId,
    host_name: admin || service ? attachment.host : null, device: attachment.device, attached_at: wireTime(attachment.attachedAt),
  }
}

/** An administrator's flag and the mode of the use, which upstream shows among the owner's metadata. */
function visibleMetadata(volume: Volume): Record<string, string> {
  const mode = volume.attachments.find((attachment) => attachment.status === 'attached')?.mode
  return {
    ...volume.metadata,
    ...(volume.readOnly !== null && { readonly: volume.readOnly ? 'True' : 'False' }),
    ...(volume.readOnly !== null && mode !== undefined && mode !== null && mode !== 'null' && { attached_mode: mode }),
  }
}

/** @param extended also what upstream's extensions add to shows and lists, but not to the answers of create and update */
export function viewVolume(eyes: Eyes, volume: Volume, extended: boolean): WireVolume {
  const { version, admin } = eyes
  return {
    id: volume.id,
    status: volume.status,
    size: volume.sizeGiB,
    availability_zone: volume.availabilityZone,
    created_at: wireTime(volume.createdAt),
    updated_at: wireTime(volume.updatedAt),
    name: volume.name,
    description: volume.description,
    volume_type: volume.typeName,
    snapshot_id: null,
    source_volid: null,
    metadata: visibleMetadata(volume),
    links: linksOf(eyes.baseUrl, 'volumes', volume.id),
    user_id: volume.userId,
    bootable: String(volume.bootable),
    encrypted: false,
    replication_status: null,
    consistencygroup_id: null,
    multiattach: volume.multiattach,
    attachments: volume.attachments.filter((attachment) => attachment.status === 'attached').map((attachment) => viewUse(eyes, attachment)),
    ...(admin && { migration_status: null }),
    ...(version.atLeast('3.13') && { group_id: null }),
    ...(admin && version.atLeast('3.21') && { provider_id: null }),
    ...(version.atLeast('3.48') && { shared_targets: false, service_uuid: volume.serviceId }),
    ...(admin && version.atLeast('3.61') && { cluster_name: null }),
    ...(version.atLeast('3.63') && { volume_type_id: volume.typeId }),
    ...(version.atLeast('3.65') && { consumes_quota: true }),
    ...(extended && {
      'os-vol-tenant-attr:tenant_id': volume.projectId,
      ...(eyes.host && { 'os-vol-host-attr:host': volume.host }),
      ...(eyes.migration && { 'os-vol-mig-status-attr:migstat': null, 'os-vol-mig-status-attr:name_id': null }),
      ...(Object.keys(volume.imageMetadata).length > 0 && { volume_image_metadata: volume.imageMetadata }),
    }),
  }
}
