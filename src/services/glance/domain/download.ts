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

/** The headers `Range` and `Content-Range` of a request. */
export interface AskedRange {
  readonly range: string | undefined
  readonly contentRange: string | undefined
}

/** @returns undefined for an image that has no data */
export async function downloadImage(glance: Glance, ctx: RequestContext, id: string, asked: AskedRange): Promise<Download | undefined> {
  const image = await readForDownload(glance, ctx, id)
  const { bits, sizeBytes } = image
  if (bits === null || sizeBytes === null) return undefined
  // It does not belong into a request, but upstream reads it there (glance/common/wsgi.py, get_range_from_request).
  const range = asked.range === undefined ? readContentRange(asked.contentRange, sizeBytes) : readRange(asked.range, sizeBytes)
  const [from, to] = range ?? [0, sizeBytes - 1]
  const content = await traced(glance.trace, glance.clock, ctx, 26, () => glance.store.open(bits, from, Math.max(to, from)), () => glance.store.type)
  return { image, content, from, to, partial: range !== undefined }
}

const unsatisfiable = (range: string, size: number) =>
  new RangeNotSatisfiable(`The range ${range.slice(0, 80)} does not lie in the image's ${size} bytes.`, { headers: { 'content-range': `bytes */${size}` } })

/** `bytes 0-4/10`, `bytes 0-4/*`. @returns first and last byte, or undefined for the whole */
function readContentRange(range: string | undefined, size: number): readonly [number, number] | undefined {
  if (range === undefined) return undefined
  const [, first = '', last = '', whole = '*'] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)/i.exec(range) ?? []
  const [from, to] = [Number(first), Number(last)]
  if (first === '' || from > to || to >= (whole === '*' ? size : Number(whole)) || from >= size) throw unsatisfiable(range, size)
  return [from, Math.min(to, size - 1)]
}

/** `bytes=0-4`, `bytes=5-`, `bytes=-3`. @returns first and last byte, or undefined for the whole */
export function readRange(range: string | undefined, size: number): readonly [number, number] | undefined {
  if (range === undefined) return undefined
  const refuse = () => unsatisfiable(range, size)
  const found = /^\s*bytes\s*=\s*(?:(\d{1,15})\s*)?-\s*(?:(\d{1,15})\s*)?$/i.exec(range)
  if (!found) throw refuse()
  const [, first = '', last = ''] = found
  if (first === '' && last === '') throw refuse()
  if (first === '') {
    const count = Math.min(Number(last), size)
    if (count === 0) throw refuse()
    return [size - count, size - 1]
  }
  const [from, to] = [Number(first), last === '' ? size - 1 : Math.min(Number(last), size - 1)]
  if (from > to || from >= size) throw refuse()
  return [from, to]
}
