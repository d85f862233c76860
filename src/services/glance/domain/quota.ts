// Limits of an image and of a project, counted from rows in the transaction that claims.
import { type Db, lockClaim } from '#core/db'
import { usageOf } from '../db/images.ts'
import type { GlanceTables } from '../db/tables.ts'
import { QuotaExceeded } from '../model/errors.ts'
import type { Image } from '../model/images.ts'
import type { Limits } from './glance.ts'

const mebibyte = 1024 * 1024

/** @throws QuotaExceeded */
export function checkParts(limits: Limits, { properties, tags }: Pick<Image, 'properties' | 'tags'>): void {
  if (limits.image_property_quota >= 0 && properties.size > limits.image_property_quota) {
    throw new QuotaExceeded(`The limit has been exceeded on the number of allowed image properties. Attempted: ${properties.size}, Maximum: ${limits.image_property_quota}`)
  }
  if (limits.image_tag_quota >= 0 && tags.length > limits.image_tag_quota) {
    throw new QuotaExceeded(`The limit has been exceeded on the number of allowed image tags. Attempted: ${tags.length}, Maximum: ${limits.image_tag_quota}`)
  }
}

/** In the transaction that makes an image. @throws QuotaExceeded */
export async function claimImage(tx: Db<GlanceTables>, limits: Limits, owner: string | null): Promise<void> {
  if (limits.image_count_total < 0) return
  await lockClaim(tx, 'quota', owner ?? '')
  const { images } = await usageOf(tx, owner)
  if (images + 1 > limits.image_count_total) throw new QuotaExceeded(`Project ${owner ?? ''} is over a limit for image_count_total: ${images} of ${limits.image_count_total} are used.`)
}

/**
 * In the transaction that begins an upload.
 *
 * @param bytes how many the client says will come; undefined when it does not say
 * @returns how many may come
 * @throws QuotaExceeded
 */
export async function claimUpload(tx: Db<GlanceTables>, limits: Limits, owner: string | null, bytes: number | undefined): Promise<number> {
  if (limits.image_count_uploading < 0 && limits.image_size_total < 0) return limits.image_size_cap
  await lockClaim(tx, 'quota', owner ?? '')
  const usage = await usageOf(tx, owner)
  if (limits.image_count_uploading >= 0 && usage.uploading + 1 > limits.image_count_uploading) {
    throw new QuotaExceeded(`Project ${owner ?? ''} is over a limit for image_count_uploading: ${usage.uploading} of ${limits.image_count_uploading} are used.`)
  }
  if (limits.image_size_total < 0) return limits.image_size_cap
  const left = limits.image_size_total * mebibyte - usage.bytes
  if (left <= 0 || (bytes ?? 0) > left) throw overSize(limits, owner, usage.bytes)
  return Math.min(left, limits.image_size_cap)
}

/** In the transaction that keeps what was uploaded, when the upload's own claim is gone from the rows. @throws QuotaExceeded */
export async function claimBytes(tx: Db<GlanceTables>, limits: Limits, owner: string | null, bytes: number): Promise<void> {
  if (limits.image_size_total < 0) return
  await lockClaim(tx, 'quota', owner ?? '')
  const usage = await usageOf(tx, owner)
  if (usage.bytes + bytes > limits.image_size_total * mebibyte) throw overSize(limits, owner, usage.bytes)
}

const overSize = (limits: Limits, owner: string | null, used: number) =>
  new QuotaExceeded(`Project ${owner ?? ''} is over a limit for image_size_total: ${Math.ceil(used / mebibyte)} of ${limits.image_size_total} MiB are used.`)

/** As `/v2/info/usage` shows it: nothing where nothing is limited (glance/quota/keystone.py, get_usage). */
export async function describeUsage(db: Db<GlanceTables>, limits: Limits, owner: string | null): Promise<Record<string, { limit: number; usage: number }>> {
  if (limits.image_size_total < 0 && limits.image_count_total < 0 && limits.image_count_uploading < 0) return {}
  const usage = await usageOf(db, owner)
  return {
    image_size_total: { limit: limits.image_size_total, usage: Math.ceil(usage.bytes / mebibyte) },
    // Nothing is staged here.
    image_stage_total: { limit: -1, usage: 0 },
    image_count_total: { limit: limits.image_count_total, usage: usage.images },
    image_count_uploading: { limit: limits.image_count_uploading, usage: usage.uploading },
  }
}
