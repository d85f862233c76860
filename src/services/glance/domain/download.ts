// The data of an image as a stream, whole or a range of it.
import type { Readable } from 'node:stream'
import type { RequestContext } from '#core/context'
import { traced } from '#core/trace'
import { RangeNotSatisfiable } from '../model/errors.ts'
import type { Image } from '../model/images.ts'
import type { Glance } from './glance.ts'
import { readForDownload } from './registry.ts'

export interface Download {
  readonly image: Image
  readonly content: Readable
  readonly from: number
  readonly to: number
  readonly partial: boolean
}

/** @returns undefined for an image that has no data */
export async function downloadImage(glance: Glance, ctx: RequestContext, id: string, range: string | undefined): Promise<Download | undefined> {
  const image = await readForDownload(glance, ctx, id)
  const { bits, sizeBytes } = image
  if (bits === null || sizeBytes === null) return undefined
  const asked = readRange(range, sizeBytes)
  const [from, to] = asked ?? [0, sizeBytes - 1]
  const content = await traced(glance.trace, glance.clock, ctx, 26, () => glance.store.open(bits, from, Math.max(to, from)), () => glance.store.type)
  return { image, content, from, to, partial: asked !== undefined }
}

/** `bytes=0-4`, `bytes=5-`, `bytes=-3`. @returns first and last byte, or undefined for the whole */
export function readRange(range: string | undefined, size: number): readonly [number, number] | undefined {
  if (range === undefined) return undefined
  const [, first, last] = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(range) ?? []
  const refuse = () => new RangeNotSatisfiable(`The range ${range.slice(0, 80)} does not lie in the image's ${size} bytes.`, { headers: { 'content-range': `bytes */${size}` } })
  if (first === undefined || last === undefined || (first === '' && last === '')) throw refuse()
  if (first === '') {
    const count = Math.min(Number(last), size)
    if (count === 0) throw refuse()
    return [size - count, size - 1]
  }
  const [from, to] = [Number(first), last === '' ? size - 1 : Math.min(Number(last), size - 1)]
  if (from > to || from >= size) throw refuse()
  return [from, to]
}
