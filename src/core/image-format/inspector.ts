// Inspect a disk image while it streams by, in bounded memory: each format's reader asks for the bytes it wants.
import { readIso, readLuks, readPloop, readQcow2, readQed, readVdi, readVhd, readVhdx, readVmdk } from './readers.ts'
import type { DetectedFormat, Finding, ImageReport, Reader, Wanted } from './report.ts'

const headBytes = 64 * 1024
const sectorBytes = 512
const tailBytes = 2 * sectorBytes
/** No reader may ask for more at once. */
const largestWish = 128 * 1024

interface Reading {
  readonly format: DetectedFormat
  readonly reader: Reader
  wanted: Wanted | undefined
  readonly collected: Buffer[]
  collectedBytes: number
  finding: Finding | undefined
}

export class FormatInspector {
  readonly #readings: Reading[]
  readonly #head = Buffer.alloc(headBytes)
  #tail = Buffer.alloc(0)
  #position = 0
  #started = false
  #finished: ImageReport | undefined

  constructor() {
    const readers: [DetectedFormat, Reader][] = [
      ['qcow2', readQcow2()], ['vmdk', readVmdk()], ['vdi', readVdi()], ['vhd', readVhd()], ['vhdx', readVhdx()],
      ['iso', readIso()], ['ploop', readPloop()], ['luks', readLuks()], ['qed', readQed()],
    ]
    this.#readings = readers.map(([format, reader]) => ({ format, reader, wanted: undefined, collected: [], collectedBytes: 0, finding: undefined }))
  }

  /** The next bytes of the image. The buffer may be used again by the caller afterwards. */
  take(chunk: Uint8Array): void {
    if (this.#finished !== undefined) throw new Error('The inspection is finished.')
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const before = this.#position
    if (before < headBytes) bytes.copy(this.#head, before)
    this.#position += bytes.length
    this.#tail = bytes.length >= tailBytes ? Buffer.from(bytes.subarray(bytes.length - tailBytes))
      : Buffer.concat([this.#tail, bytes]).subarray(-tailBytes)
    // Start only with the head complete, so that what lies in it can be read in any order.
    if (!this.#started && this.#position >= headBytes) this.#start()
    if (!this.#started) return
    for (const reading of this.#readings) this.#collect(reading, before, bytes)
  }

  /** The image is complete. */
  finish(): ImageReport {
    if (this.#finished !== undefined) return this.#finished
    if (!this.#started) this.#start()
    for (const reading of this.#readings) {
      while (reading.wanted !== undefined) {
        if (reading.wanted.offset < 0) this.#deliver(reading, this.#fromEnd(reading.wanted))
        else this.#deliver(reading)
      }
    }
    const found = this.#readings.filter((reading) => reading.finding !== undefined)
    const format = found[0]?.format ?? 'raw'
    const unsafe = found.flatMap((reading) => reading.finding?.unsafe ?? [])
    if (found.length > 1) unsafe.push(`It looks like several formats at once: ${found.map((reading) => reading.format).join(', ')}.`)
    if (this.#position === 0) unsafe.push('It is empty.')
    this.#finished = {
      format,
      marks: found.map((reading) => reading.format),
      partitions: this.#partitions(),
      virtualSizeBytes: found[0] === undefined ? Math.ceil(this.#position / sectorBytes) * sectorBytes : found[0].finding?.virtualSizeBytes,
      fileSizeBytes: this.#position,
      unsafe,
    }
    return this.#finished
  }

  #start(): void {
    this.#started = true
    for (const reading of this.#readings) {
      this.#next(reading, reading.reader.next())
    }
  }

  /** Take note of what a reader wants; bytes of the head are delivered at once. */
  #next(reading: Reading, step: IteratorResult<Wanted, Finding | undefined>): void {
    if (step.done === true) {
      reading.wanted = undefined
      reading.finding = step.value
      return
    }
    reading.wanted = { offset: step.value.offset, length: Math.min(step.value.length, largestWish) }
    reading.collected.length = 0
    reading.collectedBytes = 0
    const { offset, length } = reading.wanted
    if (offset < 0) return
    const headEnd = Math.min(this.#position, headBytes)
    if (offset + length <= headEnd) this.#deliver(reading, this.#head.subarray(offset, offset + length))
    else if (offset < headEnd) this.#add(reading, this.#head.subarray(offset, headEnd))
  }

  #collect(reading: Reading, before: number, bytes: Buffer): void {
    // Once per wish: a delivery may make the reader ask for more of the same chunk.
    for (;;) {
      const { wanted } = reading
      // What counts from the end is delivered there.
      if (wanted === undefined || wanted.offset < 0) return
      const from = wanted.offset + reading.collectedBytes
      const upTo = Math.min(wanted.offset + wanted.length, before + bytes.length)
      if (from < before) {
        // It wants what has gone by: no honest image has its tables so.
        this.#deliver(reading, Buffer.alloc(0))
        continue
      }
      if (upTo <= from) return
      this.#add(reading, bytes.subarray(from - before, upTo - before))
      if (reading.collectedBytes < wanted.length) return
      this.#deliver(reading)
    }
  }

  #add(reading: Reading, bytes: Buffer): void {
    reading.collected.push(Buffer.from(bytes))
    reading.collectedBytes += bytes.length
  }

  #deliver(reading: Reading, bytes = Buffer.concat(reading.collected)): void {
    this.#next(reading, reading.reader.next(bytes))
  }

  #fromEnd({ offset, length }: Wanted) {
    const overhang = this.#position % sectorBytes
    const start = this.#tail.length + offset + (overhang === 0 ? 0 : sectorBytes - overhang)
    const bytes = Buffer.alloc(start < 0 ? 0 : length)
    if (start >= 0) this.#tail.copy(bytes, 0, start)
    return bytes
  }

  #partitions(): ImageReport['partitions'] {
    if (this.#position < 512 || this.#head.readUInt16LE(510) !== 0xaa55) return 'none'
    if (this.#head.toString('latin1', 512, 520) === 'EFI PART') return 'gpt'
    const kinds = [0, 1, 2, 3].map((index) => this.#head[446 + index * 16 + 4])
    const states = [0, 1, 2, 3].map((index) => this.#head[446 + index * 16])
    if (kinds.includes(0xee)) return 'gpt'
    return kinds.some((kind) => kind !== 0) && states.every((state) => state === 0 || state === 0x80) ? 'mbr' : 'none'
  }
}
