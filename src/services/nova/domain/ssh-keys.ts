// SSH public keys: whether a text is one, its fingerprint as EC2 and nova write it, and making a pair.
import { createHash, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'

const generate = promisify(generateKeyPair)

/** The fields of a key's wire form, each led by its length in four bytes; undefined when they do not add up. */
function fieldsOf(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = []
  let at = 0
  while (at < blob.length) {
    if (at + 4 > blob.length) return undefined
    const end = at + 4 + blob.readUInt32BE(at)
    if (end > blob.length) return undefined
    fields.push(blob.subarray(at + 4, end))
    at = end
  }
  return fields
}

const curvePointBytes: Readonly<Record<string, number>> = { nistp256: 65, nistp384: 97, nistp521: 133 }

/** Whether the fields behind the type's name are those of such a key (RFC 4253, 5656, 8709). */
function isKey(type: string, fields: readonly Buffer[]): boolean {
  const [first, second] = fields
  if (type === 'ssh-rsa') return fields.length === 2 && first !== undefined && second !== undefined && first.length > 0 && second.length >= 128
  if (type === 'ssh-dss') return fields.length === 4 && fields.every((field) => field.length > 0)
  if (type === 'ssh-ed25519') return fields.length === 1 && first?.length === 32
  const curve = /^ecdsa-sha2-(nistp\d+)$/.exec(type)?.[1]
  if (curve !== undefined) return fields.length === 2 && first?.toString('latin1') === curve && second !== undefined && second.length === curvePointBytes[curve] && second[0] === 4
  if (type === 'sk-ssh-ed25519@openssh.com') return fields.length === 2 && first?.length === 32
  if (type === 'sk-ecdsa-sha2-nistp256@openssh.com') return fields.length === 3 && first?.toString('latin1') === 'nistp256' && second?.length === 65
  return false
}

/** MD5 over the key's wire form, in pairs of hexadecimal digits; undefined for what is no public key. */
export function sshFingerprint(publicKey: string): string | undefined {
  const [, type, encoded] = /^(\S+)[ \t]+([A-Za-z0-9+/]+={0,2})(?=\s|$)/.exec(publicKey) ?? []
  if (type === undefined || encoded === undefined || encoded.length % 4 !== 0) return undefined
  const blob = Buffer.from(encoded, 'base64')
  const [name, ...rest] = fieldsOf(blob) ?? []
  if (name?.toString('latin1') !== type || !isKey(type, rest)) return undefined
  return inPairs(createHash('md5').update(blob).digest('hex'))
}

export function inPairs(hexadecimal: string): string {
  return hexadecimal.match(/../g)?.join(':') ?? ''
}

function field(content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, content])
}

/** A number that begins with its highest bit set gets a zero before it, or it would be negative. */
function number(content: Buffer): Buffer {
  return field((content[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), content]) : content)
}

/** An RSA pair of 2048 bits: the private half as OpenSSH reads it, the public one as `authorized_keys` holds it. */
export async function generateSshKey(): Promise<{ privateKey: string; publicKey: string }> {
  const pair = await generate('rsa', { modulusLength: 2048 })
  const { n = '', e = '' } = pair.publicKey.export({ format: 'jwk' })
  const blob = Buffer.concat([field(Buffer.from('ssh-rsa')), number(Buffer.from(e, 'base64url')), number(Buffer.from(n, 'base64url'))])
  return {
    privateKey: pair.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString(),
    publicKey: `ssh-rsa ${blob.toString('base64')} Generated-by-Nova`,
  }
}
