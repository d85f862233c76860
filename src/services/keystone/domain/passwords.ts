// Passwords are hashed off the event loop, a few at a time. Machine-made secrets of 256 bits need no slow hash, which
// protects only what can be guessed: they get a salted SHA-256.
import { createHash, timingSafeEqual } from 'node:crypto'
import { hash, verify } from '@node-rs/bcrypt'
import type { Random } from '#core/context'

export interface Passwords {
  hash(password: string): Promise<string>
  /**
   * Takes as long for no stored hash as for a wrong password, and for a wrong secret too: whoever guesses learns nothing of the kind.
   *
   * @param asked whose log-in it is, as it was asked for, known or not: those take turns, so that many tries for one hold up no other
   */
  matches(password: string, stored: string | null | undefined, asked: string): Promise<boolean>
}

export interface PasswordRules {
  readonly rounds: number
  readonly concurrency: number
  readonly maxLength: number
}

const bcryptBytes = 72
const prehashed = '$bcrypt-sha256'
const secretPrefix = '$sha256$'

/** @param outside waits for what another thread does */
export function createPasswords(rules: PasswordRules, random: Random, outside = <T>(work: Promise<T>) => work): Passwords {
  let running = 0
  const waiting = new Map<string, (() => void)[]>()
  let decoy: Promise<string> | undefined

  async function inTurn<T>(asked: string, work: () => Promise<T>): Promise<T> {
    if (running >= rules.concurrency) {
      await new Promise<void>((resolve) => {
        const queue = waiting.get(asked)
        if (queue) queue.push(resolve)
        else waiting.set(asked, [resolve])
      })
    } else running++
    try {
      return await outside(work())
    } finally {
      const next = nextWaiting()
      if (next) next()
      else running--
    }
  }

  function nextWaiting(): (() => void) | undefined {
    for (const [asked, queue] of waiting) {
      waiting.delete(asked)
      const next = queue.shift()
      if (queue.length > 0) waiting.set(asked, queue)
      return next
    }
    return undefined
  }

  return {
    async hash(password) {
      const long = needsPrehash(password)
      const made = await inTurn('', () => hash(long ? digest(password) : password, { cost: rules.rounds, salt: random.bytes(16) }))
      return long ? prehashed + made : made
    },
    async matches(password, stored, asked) {
      if (password === '' || password.length > rules.maxLength) return false
      const secret = stored?.startsWith(secretPrefix) ? stored : undefined
      if (secret !== undefined && matchesSecret(password, secret)) return true
      decoy ??= inTurn('', () => hash(random.bytes(16).toString('hex'), { cost: rules.rounds, salt: random.bytes(16) }))
      const slow = secret === undefined ? stored : undefined
      const known = slow ?? (await decoy)
      const long = known.startsWith(`${prehashed}$`)
      const same = await inTurn(asked, () => verify(long ? digest(password) : password, long ? known.slice(prehashed.length) : known))
      return same && known === slow
    },
  }
}

/** bcrypt reads 72 bytes, and some versions stop at a NUL: what has more is shortened without losing strength. */
function needsPrehash(password: string): boolean {
  return Buffer.byteLength(password) > bcryptBytes || password.includes('\0')
}

function digest(password: string): string {
  return createHash('sha256').update(password).digest('base64')
}

/** Only for secrets with at least 128 bits of chance in them. */
export function hashSecret(secret: string, salt: Buffer): string {
  return `${secretPrefix}${salt.toString('hex')}$${saltedDigest(secret, salt).toString('hex')}`
}

export function matchesSecret(secret: string, stored: string): boolean {
  const [salt, digestText] = stored.slice(secretPrefix.length).split('$')
  if (salt === undefined || digestText === undefined) return false
  const expected = Buffer.from(digestText, 'hex')
  const found = saltedDigest(secret, Buffer.from(salt, 'hex'))
  return expected.length === found.length && timingSafeEqual(expected, found)
}

function saltedDigest(secret: string, salt: Buffer): Buffer {
  return createHash('sha256').update(salt).update(secret).digest()
}
