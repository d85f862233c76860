// The image that a volume is to be filled from: what glance says of it, checked before anything is made.
import type { Static } from '#core/spec'
import { ImageSource } from '../contract/volume-rpc.ts'

export interface VolumeImage {
  /** What the volume role needs to fetch and verify it. */
  readonly source: Static<typeof ImageSource>
  /** What the volume keeps of it: upstream's volume_image_metadata. */
  readonly metadata: Readonly<Record<string, string>>
}

/** Look an image up for a volume of a size. @throws ImageUnacceptable, InvalidInput */
export async function imageFor(_cinder: unknown, _ctx: unknown, imageId: string, _sizeGiB: number): Promise<VolumeImage> {
  throw new Error(`images are not joined yet: ${imageId}`)
}
