// The part of MessagePack that token payloads are made of: lists, whole numbers, floats, booleans, text and bytes.

export type Packed = number | boolean | null | string | Uint8Array | Float | readonly Packed[]

/** A number that is written as a float even when it is whole, as Python writes a timestamp. */
export class Float {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

export function pack(value: Packed): Buffer {
  const parts: Uint8Array[] = []
  write(value, parts)
  return Buffer.concat(parts)
}

function write(value: Packed, parts: Uint8Array[]): void {
  if (value === null) parts.push(Uint8Array.of(0xc0))
  else if (typeof value === 'boolean') parts.push(Uint8Array.of(value ? 0xc3 : 0xc2))
  else if (typeof value === 'number') parts.push(writeInteger(value))
  else if (typeof value === 'string') writeText(value, parts)
  else if (value instanceof Float) parts.push(writeFloat(value.value))
  else if (value instanceof Uint8Array) parts.push(header(value.length, undefined, 0xc4), value)
  else {
    parts.push(header(value.length, 0x90, 0xdc))
    for (const part of value) write(part, parts)
  }
}

function writeText(text: string, parts: Uint8Array[]): void {
  const bytes = Buffer.from(text)
  parts.push(bytes.length < 32 ? Uint8Array.of(0xa0 | bytes.length) : header(bytes.length, undefined, 0xd9), bytes)
}

/** A length: in the type's own byte where it fits, else one byte (`wide` for bytes and text) or two (lists). */
function header(length: number, small: number | undefined, wide: number): Uint8Array {
  if (small !== undefined) {
    if (length < 16) return Uint8Array.of(small | length)
    return Uint8Array.of(wide, length >> 8, length & 0xff)
  }
  if (length > 0xff) throw new RangeError('a token payload holds no value this long')
  return Uint8Array.of(wide, length)
}

function writeInteger(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new RangeError(`${value} has no place in a token payload`)
  if (value < 0x80) return Uint8Array.of(value)
  if (value < 0x100) return Uint8Array.of(0xcc, value)
  if (value < 0x1_0000) return Uint8Array.of(0xcd, value >> 8, value & 0xff)
  const bytes = Buffer.alloc(5, 0xce)
  bytes.writeUInt32BE(value, 1)
  return bytes
}

function writeFloat(value: number): Uint8Array {
  const bytes = Buffer.alloc(9, 0xcb)
  bytes.writeDoubleBE(value, 1)
  return bytes
}

/** @throws RangeError for what is cut short, left over, nested deeper than payloads are, or of another type */
export function unpack(bytes: Buffer): Packed {
  const reader = new Reader(bytes)
  const value = reader.next(0)
  reader.expectEnd()
  return value
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  expectEnd(): void {
    if (this.#at !== this.#bytes.length) throw new RangeError('bytes are left over')
  }

  next(depth: number): Packed {
    const type = this.#number(1)
    if (type < 0x80) return type
    if (type >= 0x90 && type < 0xa0) return this.#list(type & 0x0f, depth)
    if (type >= 0xa0 && type < 0xc0) return this.#take(type & 0x1f).toString('utf8')
    switch (type) {
      case 0xc0: return null
      case 0xc2: return false
      case 0xc3: return true
      case 0xc4: return Buffer.from(this.#take(this.#number(1)))
      case 0xca: return this.#take(4).readFloatBE(0)
      case 0xcb: return this.#take(8).readDoubleBE(0)
      case 0xcc: return this.#number(1)
      case 0xcd: return this.#number(2)
      case 0xce: return this.#number(4)
      case 0xd9: return this.#take(this.#number(1)).toString('utf8')
      case 0xdc: return this.#list(this.#number(2), depth)
      default: throw new RangeError('an unknown type')
    }
  }

  #list(length: number, depth: number): Packed[] {
    if (depth > 3) throw new RangeError('nested too deeply')
    return Array.from({ length }, () => this.next(depth + 1))
  }

  #number(size: number): number {
    return this.#take(size).readUIntBE(0, size)
  }

  #take(size: number): Buffer {
    const end = this.#at + size
    if (end > this.#bytes.length) throw new RangeError('cut short')
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }
}
