// Brings an image from glance to this host for the time of one use: as a stream, its hash verified, its format checked.
import type { RequestContext } from '#core/context'
import type { ImageSource } from '#contract/cinder'

/** Calls `use` with a temporary file, which is gone afterwards. @throws ImageUnacceptable */
export type FetchImage = (ctx: RequestContext, image: ImageSource, signal: AbortSignal, use: (file: string) => Promise<void>) => Promise<void>
