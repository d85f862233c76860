// An upload: the operation that owns an image while it is saving. Whatever ends it early, its bytes are freed and the
// image waits for data again.
import type { Readable } from 'node:stream'
import { neverAborted, type RequestContext } from '#core/context'
import { type Db, transition } from '#core/db'
import { BadRequest, Cancelled, Conflict, ServiceUnavailable } from '#core/errors'
import { defineOperation, leaseOf, type OperationRun, step } from '#core/operations'
import { type ImageReport, reasonsAgainst } from '#core/image-format'
import { Type, Uuid } from '#core/spec'
import { deleteUpload, findImage, insertUpload } from '../db/images.ts'
import type { GlanceTables } from '../db/tables.ts'
import { ContentRefused, ImageGone, TooLarge, UploadCutOff } from '../model/errors.ts'
import { hashAlgorithm, type Image } from '../model/images.ts'
import type { Incoming } from '../model/incoming.ts'
import { imageMachine } from '../model/states.ts'
import { authorize, seeImage } from './access.ts'
import type { Glance } from './glance.ts'
import { claimBytes, claimUpload } from './quota.ts'
import { receive } from './receive.ts'

interface UploadInput {
  readonly imageId: string
  readonly bits: string
  readonly owner: string | null
  readonly diskFormat: string
}

interface Stored {
  readonly sizeBytes: number
  readonly virtualSizeBytes: number | null
  readonly checksum: string
  readonly hashValue: string
}

/** Longer than this without a byte, and the client is taken for gone. */
const quietMs = 60_000

export const uploadOperation = defineOperation<Glance, UploadInput>('image.upload', {
  input: Type.Object({ imageId: Uuid, bits: Uuid, owner: Type.Union([Type.String(), Type.Null()]), diskFormat: Type.String() }),
  deadlineSeconds: 24 * 3600, onCrash: 'undo',
  steps: [
    step('receive', { run: store, undo: (glance, { input }) => glance.store.remove(input.bits) }),
    step('publish', { commit: publish }),
  ],
  async failed(tx, _glance, { input }) {
    await deleteUpload(tx, input.bits)
    await transition(tx as Db<GlanceTables>, imageMachine, { table: 'images', idColumn: 'id', statusColumn: 'status', id: input.imageId, event: 'reset' })
  },
})

async function store(glance: Glance, run: OperationRun<UploadInput>): Promise<Stored> {
  const incoming = glance.incoming.get(run.input.bits)
  if (!incoming) throw new UploadCutOff('The service was interrupted while it received the data; send it again.')
  try {
    return await take(glance, run, incoming)
  } catch (error) {
    incoming.error = error as Error
    throw error
  }
}

async function take({ store, digests, clock, database }: Glance, { id, epoch, input, signal }: OperationRun<UploadInput>, incoming: Incoming): Promise<Stored> {
  const quiet = new AbortController()
  const giveUp = () => quiet.abort(new UploadCutOff('No data came for a minute.'))
  let watch = clock.after(quietMs, giveUp)
  let heardAt = clock.monotonic()
  const writer = await store.create(input.bits)
  let kept = false
  try {
    const received = await receive(incoming.content, writer, {
      digests, signal: AbortSignal.any([signal, quiet.signal]), mostBytes: incoming.mostBytes, announcedBytes: incoming.announcedBytes,
      progress() {
        const now = clock.monotonic()
        if (now - heardAt < 1000) return
        heardAt = now
        watch.cancel()
        watch = clock.after(quietMs, giveUp)
      },
    })
    refuseUnsafe(received.report, input.diskFormat, received.sizeBytes)
    await writer.keep()
    kept = true
    return {
      sizeBytes: received.sizeBytes, checksum: received.checksum, hashValue: received.hashValue,
      virtualSizeBytes: virtualSizeOf(received.report, input.diskFormat, received.sizeBytes),
    }
  } finally {
    watch.cancel()
    if (!kept) {
      await writer.close().catch(() => undefined)
      // Before anything is written about it: on a disk that it has filled there is no room to do so.
      await store.remove(input.bits).catch(() => undefined)
    }
    // Who took the upload over while this process was held up may have freed its bytes before they were there.
    if ((await leaseOf(database.read, id)) !== epoch) await store.remove(input.bits)
  }
}

/** @throws ContentRefused when the content is not what was declared, or could harm a host (SECURITY-CASES 1–3) */
function refuseUnsafe(report: ImageReport, diskFormat: string, sizeBytes: number): void {
  // Nothing is a raw disk of no size, and nothing else: every other format begins with something.
  if (sizeBytes === 0 && diskFormat === 'raw') return
  const reasons = reasonsAgainst(report, diskFormat)
  if (reasons.length > 0) throw new ContentRefused(`The image data was not accepted: ${reasons.join(' ')}`)
}

/** As upstream: what is declared raw has the size that came, and nothing is known of what no reader fits (glance/location.py, set_data). */
function virtualSizeOf(report: ImageReport, diskFormat: string, sizeBytes: number): number | null {
  if (diskFormat === 'raw') return sizeBytes || null
  return (report.format === diskFormat ? report.virtualSizeBytes : undefined) ?? null
}

async function publish(tx: Db<GlanceTables>, glance: Glance, { input, result }: OperationRun<UploadInput>): Promise<void> {
  const stored = result<Stored>('receive')
  if (!stored) throw new Error('an upload has no result to publish')
  const incoming = glance.incoming.get(input.bits)
  try {
    await deleteUpload(tx, input.bits)
    await claimBytes(tx, glance.limits, input.owner, stored.sizeBytes)
  } catch (error) {
    if (incoming) incoming.error = error as Error
    throw error
  }
  const moved = await transition(tx, imageMachine, {
    table: 'images', idColumn: 'id', statusColumn: 'status', id: input.imageId, event: 'uploaded',
    set: {
      size: stored.sizeBytes, virtual_size: stored.virtualSizeBytes, checksum: stored.checksum, os_hash_algo: hashAlgorithm, os_hash_value: stored.hashValue,
      bits: input.bits, updated_at: glance.clock.now().toISOString(),
    },
  })
  if (!moved) throw new ImageGone(`Image ${input.imageId} was deleted during the upload.`)
}

/** @param announcedBytes what the client says will come; undefined when it does not say */
export async function uploadImage(glance: Glance, ctx: RequestContext, id: string, content: Readable, announcedBytes: number | undefined): Promise<void> {
  const bits = glance.ids.uuid()
  await glance.database.transaction(async (tx) => {
    const seen = await seeImage(glance, tx, ctx, id)
    authorize(glance, ctx, 'upload_image', seen)
    await begin(glance, tx, ctx, seen.image, { bits, content, announcedBytes })
  })
  try {
    await glance.operations.settled(id, { signal: neverAborted })
    await answer(glance, id, bits)
  } finally {
    glance.incoming.delete(bits)
  }
}

async function begin(glance: Glance, tx: Db<GlanceTables>, ctx: RequestContext, image: Image, upload: { bits: string; content: Readable; announcedBytes: number | undefined }): Promise<void> {
  const { limits } = glance
  if (image.status !== 'queued') throw new Conflict(`Image status transition from ${image.status} to saving is not allowed`)
  if (image.diskFormat === null || image.containerFormat === null) throw new BadRequest('Properties disk_format, container_format must be set prior to saving data.')
  const { bits, content, announcedBytes } = upload
  if ((announcedBytes ?? 0) > limits.image_size_cap) throw new TooLarge(`The incoming image is too large: ${announcedBytes} bytes, the most is ${limits.image_size_cap}.`)
  const mostBytes = await claimUpload(tx, limits, image.owner, announcedBytes)
  await transition(tx, imageMachine, { table: 'images', idColumn: 'id', statusColumn: 'status', id: image.id, event: 'upload' })
  await insertUpload(tx, { bits, image_id: image.id, owner: image.owner, claimed_bytes: announcedBytes ?? 0 })
  glance.incoming.set(bits, { content, announcedBytes, mostBytes })
  await glance.operations.begin(tx, ctx, uploadOperation, {
    resourceId: image.id, input: { imageId: image.id, bits, owner: image.owner, diskFormat: image.diskFormat },
  })
}

/** How the upload ended, for its client. */
async function answer(glance: Glance, id: string, bits: string): Promise<void> {
  const image = await findImage(glance.database.read, id)
  if (image?.bits === bits) return
  if (!image) throw new ImageGone(`Image ${id} could not be found after upload. The image may have been deleted during the upload; its data was removed.`)
  const error = glance.incoming.get(bits)?.error
  if (error && !(error instanceof Cancelled)) throw error
  throw new ServiceUnavailable('The upload did not end well; send the data again.')
}

