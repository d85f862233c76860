// Takes a stream of image data: into the store, through the hashes and past the format inspector, in bounded memory.
import type { Readable } from 'node:stream'
import { BadRequest } from '#core/errors'
import { FormatInspector, type ImageReport } from '#core/image-format'
import { TooLarge, UploadCutOff } from '../model/errors.ts'
import type { BitsWriter } from '../model/store.ts'
import type { Digest, Digests, DigestStream } from './digests.ts'

export interface Received extends Digest {
  readonly sizeBytes: number
  readonly report: ImageReport
}

export interface ReceiveOptions {
  readonly digests: Digests
  /** Ends the stream: the image was deleted, or nothing came for too long. */
  readonly signal: AbortSignal
  readonly mostBytes: number
  /** How many the client said would come. */
  readonly announcedBytes: number | undefined
  /** Told after each piece, for a watch over progress. */
  readonly progress: () => void
}

const blockBytes = 1024 * 1024
const blocksAhead = 4

interface Block {
  readonly memory: SharedArrayBuffer
  readonly bytes: Uint8Array
}

/** @throws UploadCutOff when the client went away, TooLarge, BadRequest when fewer or more bytes came than announced */
export async function receive(content: Readable, writer: BitsWriter, options: ReceiveOptions): Promise<Received> {
  const inspector = new FormatInspector()
  const free: Block[] = []
  const underway = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  let digest: DigestStream | undefined
  let block = newBlock()
  let filled = 0
  let size = 0

  const flush = async (): Promise<void> => {
    const [full, length, at] = [block, filled, size - filled]
    digest ??= options.digests.open()
    const work = Promise.all([digest.take(full.memory, length), writer.write(full.bytes.subarray(0, length), at)]).then(() => {
      free.push(full)
    }).catch((error: unknown) => {
      failure ??= { error }
    }).finally(() => underway.delete(work))
    underway.add(work)
    if (underway.size >= blocksAhead) await Promise.race(underway)
    if (failure) throw failure.error
    block = free.pop() ?? newBlock()
    filled = 0
  }

  const stop = () => content.destroy(options.signal.reason as Error)
  options.signal.throwIfAborted()
  options.signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const piece of content.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      options.progress()
      if (size + piece.length > options.mostBytes) throw new TooLarge(`The image is larger than ${options.mostBytes} bytes, which is the most that may be stored here.`)
      inspector.take(piece)
      for (let taken = 0; taken < piece.length; ) {
        const length = Math.min(piece.length - taken, blockBytes - filled)
        block.bytes.set(piece.subarray(taken, taken + length), filled)
        taken += length
        filled += length
        size += length
        if (filled === blockBytes) await flush()
      }
    }
    if (options.announcedBytes !== undefined && options.announcedBytes !== size) {
      throw new BadRequest(`The request announced ${options.announcedBytes} bytes of image data and sent ${size}.`)
    }
    return { ...(await complete()), sizeBytes: size, report: inspector.finish() }
  } catch (error) {
    options.signal.throwIfAborted()
    throw isOfStream(error) ? new UploadCutOff('The upload was cut off before all data had come.', {}, error) : error
  } finally {
    options.signal.removeEventListener('abort', stop)
    await Promise.all(underway)
    digest?.abandon()
  }

  async function complete(): Promise<Digest> {
    if (!digest) {
      // Small enough for one block: no thread is worth it.
      const bytes = Buffer.from(block.bytes.subarray(0, filled))
      await writer.write(bytes, 0)
      return options.digests.of(bytes)
    }
    if (filled > 0) await flush()
    await Promise.all(underway)
    if (failure) throw failure.error
    const whole = digest
    digest = undefined
    return whole.finish()
  }

  function newBlock(): Block {
    const memory = new SharedArrayBuffer(blockBytes)
    return { memory, bytes: new Uint8Array(memory) }
  }

  /** The client's end, as Node's streams name it. */
  function isOfStream(error: unknown): boolean {
    const { code } = error as { code?: unknown }
    return content.errored === error || code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE'
  }
}
