// The key repository: numbered files as Keystone keeps them. The highest is primary and makes tokens, 0 is staged and
// becomes primary at the next rotation, the others still open what they made.
import { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Clock, Random } from '#core/context'
import type { FernetKey } from './fernet.ts'

export interface KeyRepository {
  /** The primary first. */
  keys(): readonly FernetKey[]
}

const lookAgainMs = 1000

/**
 * Open the directory, with a staged and a primary key when it is empty. A rotation by another process is seen within a second.
 *
 * @param rotated called when other keys than before are in force
 */
export function openKeyRepository(directory: string, { random, clock }: { random: Random; clock: Clock }, rotated: () => void): KeyRepository {
  fillKeyDirectory(directory, random)
  let loaded = load(directory)
  let lookAgainAt = clock.monotonic() + lookAgainMs
  return {
    keys() {
      const now = clock.monotonic()
      if (now < lookAgainAt) return loaded
      lookAgainAt = now + lookAgainMs
      // A few bytes, read again: times of files tick too slowly to tell the middle of a rotation from its end.
      const found = load(directory)
      if (found.length !== loaded.length || found.some((key, index) => !loaded[index]?.equals(key))) {
        loaded = found
        rotated()
      }
      return loaded
    },
  }
}

/** Keys that live as long as the process, for a cloud that keeps nothing. */
export function memoryKeys(random: Random): KeyRepository {
  const keys = [random.bytes(32)]
  return { keys: () => keys }
}

function fillKeyDirectory(directory: string, random: Random): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (numbers(directory).length > 0) return
  writeKey(directory, 0, random)
  writeKey(directory, 1, random)
}

/**
 * Promote the staged key to primary, stage a new one, and drop the oldest beyond `maxActiveKeys`.
 *
 * @returns the number of the new primary key
 */
export function rotateKeys(directory: string, random: Random, maxActiveKeys: number): number {
  fillKeyDirectory(directory, random)
  const present = numbers(directory)
  const primary = Math.max(0, ...present) + 1
  if (!present.includes(0)) writeKey(directory, 0, random)
  renameSync(join(directory, '0'), join(directory, String(primary)))
  writeKey(directory, 0, random)
  const old = numbers(directory).filter((number) => number !== 0 && number !== primary)
  const excess = old.length + 2 - Math.max(maxActiveKeys, 2)
  for (const number of old.slice(0, Math.max(excess, 0))) unlinkSync(join(directory, String(number)))
  return primary
}

function numbers(directory: string): number[] {
  return readdirSync(directory).filter((name) => /^(0|[1-9]\d*)$/.test(name)).map(Number).sort((a, b) => a - b)
}

/** Whole or not at all: the file gets its name once it is written. */
function writeKey(directory: string, number: number, random: Random): void {
  const draft = join(directory, `.${number}.tmp`)
  const key = random.bytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
  writeFileSync(draft, key, { mode: 0o600 })
  renameSync(draft, join(directory, String(number)))
}

const readsAtMost = 5

/** Read anew when it was rotated meanwhile: a key that got another name just then counts all the time. */
function load(directory: string): FernetKey[] {
  for (let read = 1; ; read++) {
    const before = numbers(directory)
    const keys = readKeys(directory, before)
    if (read === readsAtMost || keys.length === before.length && isDeepStrictEqual(numbers(directory), before)) return keys
  }
}

/** A key whose file is gone is left out. */
function readKeys(directory: string, present: readonly number[]): FernetKey[] {
  return [...present].reverse().flatMap((number) => {
    const text = readPresent(join(directory, String(number)))
    if (text === undefined) return []
    const key = Buffer.from(text.trim(), 'base64url')
    if (key.length !== 32) throw new Error(`The fernet key ${number} in ${directory} is not 32 bytes of base64`)
    return [key]
  })
}

function readPresent(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
