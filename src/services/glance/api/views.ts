// Images and members as the wire has them.
import type { ImageBody } from '../contract/image-shapes.ts'
import type { Image, Member } from '../model/images.ts'

/** Whole seconds, as glance shows times. */
const viewTime = (time: string): string => `${time.slice(0, 19)}Z`

export function viewImage(image: Image, storeId: string): ImageBody {
  const href = `/v2/images/${image.id}`
  return {
    ...Object.fromEntries(image.properties),
    name: image.name, disk_format: image.diskFormat, container_format: image.containerFormat, visibility: image.visibility, size: image.sizeBytes,
    virtual_size: image.virtualSizeBytes, status: image.status, checksum: image.checksum, protected: image.isProtected, min_ram: image.minRamMiB,
    min_disk: image.minDiskGiB, owner: image.owner, os_hidden: image.isHidden, os_hash_algo: image.hashAlgorithm, os_hash_value: image.hashValue,
    id: image.id, created_at: viewTime(image.createdAt), updated_at: viewTime(image.updatedAt), tags: image.tags,
    self: href, file: `${href}/file`, schema: '/v2/schemas/image',
    ...(image.bits !== null && { stores: storeId }),
  }
}

export function viewMember(member: Member) {
  return {
    member_id: member.projectId, image_id: member.imageId, status: member.status, created_at: viewTime(member.createdAt), updated_at: viewTime(member.updatedAt),
    schema: '/v2/schemas/member',
  }
}
