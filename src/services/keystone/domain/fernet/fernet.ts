// Fernet: a message encrypted with AES-128-CBC and signed with HMAC-SHA256, with the time of its making in the clear.
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'

/** 32 bytes: the first half signs, the second half encrypts. */
export type FernetKey = Buffer

const versionByte = 0x80
const signatureBytes = 32
const smallestToken = 1 + 8 + 16 + 16 + signatureBytes
/** In characters. No token of ours is longer: what is, is refused before any work. */
const longestToken = 1024

/** @param madeAtSeconds whole seconds since 1970 @param iv 16 random bytes @returns the token without padding */
export function seal(key: FernetKey, message: Buffer, madeAtSeconds: number, iv: Buffer): string {
  const head = Buffer.alloc(9)
  head.writeUInt8(versionByte, 0)
  head.writeBigUInt64BE(BigInt(madeAtSeconds), 1)
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv)
  const signed = Buffer.concat([head, iv, cipher.update(message), cipher.final()])
  return Buffer.concat([signed, sign(key, signed)]).toString('base64url')
}

export interface Opened {
  readonly message: Buffer
  readonly madeAtSeconds: number
}

/** The message, when one of the keys made it; undefined for anything else, whatever is wrong with it. */
export function open(keys: readonly FernetKey[], token: string): Opened | undefined {
  if (token.length > longestToken) return undefined
  const bytes = Buffer.from(token, 'base64url')
  // Other spellings of the same bytes are refused, so that one token has one name in caches.
  if (bytes.length < smallestToken || bytes[0] !== versionByte || bytes.toString('base64url') !== token) return undefined
  const signed = bytes.subarray(0, -signatureBytes)
  const signature = bytes.subarray(-signatureBytes)
  const key = keys.find((each) => timingSafeEqual(sign(each, signed), signature))
  if (!key) return undefined
  try {
    const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), signed.subarray(9, 25))
    const message = Buffer.concat([decipher.update(signed.subarray(25)), decipher.final()])
    return { message, madeAtSeconds: Number(signed.readBigUInt64BE(1)) }
  } catch {
    return undefined
  }
}

function sign(key: FernetKey, bytes: Buffer): Buffer {
  return createHmac('sha256', key.subarray(0, 16)).update(bytes).digest()
}
