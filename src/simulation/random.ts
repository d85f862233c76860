// Chance that can be had again: streams of numbers that follow from a seed and a name, each independent of the others.
import { createHash } from 'node:crypto'
import type { Ids, Random } from '#core/context'

/** The generator sfc32 by Chris Doty-Humphrey, from the public domain: small, fast, and good enough for dice. */
export class Dice implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string) {
    const digest = createHash('sha256').update(seed).digest()
    this.#a = digest.readInt32LE(0)
    this.#b = digest.readInt32LE(4)
    this.#c = digest.readInt32LE(8)
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** From 0 up to, but not including, 1. */
  fraction(): number {
    return this.#next() / 4_294_967_296
  }

  integer(below: number): number {
    return Math.floor(this.fraction() * below)
  }

  bytes(count: number): Buffer {
    const buffer = Buffer.alloc(count)
    for (let at = 0; at < count; at++) buffer[at] = this.#next() >>> 24
    return buffer
  }

  happens(probability: number): boolean {
    return probability > 0 && this.fraction() < probability
  }

  /** @throws when there is nothing to choose from */
  one<T>(of: readonly T[]): T {
    const chosen = of[this.integer(of.length)]
    if (chosen === undefined) throw new Error('there is nothing to choose from')
    return chosen
  }

  uuid(): string {
    const bytes = this.bytes(16)
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
    const text = bytes.toString('hex')
    return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`
  }
}

export function idsFrom(dice: Dice): Ids {
  return { uuid: () => dice.uuid(), requestId: () => `req-${dice.uuid()}` }
}
