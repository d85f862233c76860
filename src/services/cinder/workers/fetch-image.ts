// Brings an image from glance to this host for the time of one use: as a stream, its hash verified, its format checked
// by our own inspector against what was declared. No program of the host's sees it before that.
import { createHash } from 'node:crypto'
import { client, type Credentials, type ServiceTarget } from '#core/client'
import type { Capabilities, RequestContext } from '#core/context'
import { FormatInspector, reasonsAgainst } from '#core/image-format'
import { onBehalfOf } from '#core/service'
import type { ImageSource } from '#contract/cinder'
import { imageFileRoutes } from '#contract/glance'
import { ImageUnacceptable } from '../model/errors.ts'
import type { Scratch } from './scratch.ts'

/** Calls `use` with a temporary file, which is gone afterwards. @throws ImageUnacceptable */
export type FetchImage = (ctx: RequestContext, image: ImageSource, sizeGiB: number, signal: AbortSignal, use: (file: string) => Promise<void>) => Promise<void>

export interface FetchOptions extends Pick<Capabilities, 'ids'> {
  readonly scratch: Scratch
  readonly credentials: Credentials
  readonly glance: ServiceTarget
}

const bytesPerGiB = 1024 ** 3
/** Hashes that glance offers and that are worth comparing. */
const hashes: readonly string[] = ['sha512', 'sha384', 'sha256', 'md5']

/** Files of an earlier incarnation go. */
export async function imageFetcher(options: FetchOptions): Promise<FetchImage> {
  const { scratch, ids, credentials, glance } = options
  await scratch.clear()

  return async function fetchImage(ctx, image, sizeGiB, signal, use) {
    const name = `${ids.uuid()}.image`
    try {
      const images = client(imageFileRoutes, glance, { ...(await onBehalfOf({ credentials }, { ...ctx, signal })) })
      const reply = await images.downloadImage({ params: { image_id: image.imageId } })
      if (reply.status !== 200) throw refused(image, 'it has no data')
      await use(await receive(reply.body as AsyncIterable<Uint8Array>, { scratch, name }, image, sizeGiB, signal))
    } finally {
      await scratch.remove(name)
    }
  }
}

const refused = (image: ImageSource, reason: string): Error => new ImageUnacceptable(`Image ${image.imageId} is unacceptable: ${reason}.`)

/** @returns the path of the file */
async function receive(body: AsyncIterable<Uint8Array>, to: { readonly scratch: Scratch; readonly name: string }, image: ImageSource, sizeGiB: number, signal: AbortSignal): Promise<string> {
  const inspector = new FormatInspector()
  const hash = hashes.includes(image.hashAlgorithm) ? createHash(image.hashAlgorithm) : undefined
  let size = 0
  async function* observed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      size += chunk.length
      if (size > image.sizeBytes) throw refused(image, 'it is larger than glance said')
      hash?.update(chunk)
      inspector.take(chunk)
      yield chunk
    }
  }
  const file = await to.scratch.write(to.name, observed(body), signal)
  if (size !== image.sizeBytes) throw refused(image, 'it ended before its time')
  if (hash !== undefined && hash.digest('hex') !== image.hash) throw refused(image, 'its data do not fit its hash')
  const report = inspector.finish()
  const [reason] = reasonsAgainst(report, image.declared)
  if (reason !== undefined) throw refused(image, reason.replace(/\.$/, ''))
  const virtualBytes = report.virtualSizeBytes ?? size
  if (virtualBytes > sizeGiB * bytesPerGiB) {
    throw refused(image, `it needs ${Math.ceil(virtualBytes / bytesPerGiB)} GiB, which is more than the volume's ${sizeGiB} GiB`)
  }
  return file
}
