// Keypairs of users: imported, or made for those who ask in an older version; counted against the user's quota.
import { X509Certificate } from 'node:crypto'
import type { RequestContext } from '#core/context'
import { isUniqueViolation, lockClaim } from '#core/db'
import { BadRequest, Conflict, Forbidden, NotFound } from '#core/errors'
import { countKeypairs, deleteKeypair, findKeypair, insertKeypair, listKeypairs } from '../db/keypairs.ts'
import type { Keypair, KeypairType } from '../model/keypair.ts'
import { requireRule } from './authorize.ts'
import { hasRoom, userLimits } from './limits.ts'
import type { Nova } from './nova.ts'
import { generateSshKey, sshFingerprint } from './ssh-keys.ts'

export interface NewKeypair {
  readonly name: string
  readonly type: KeypairType
  /** Made here when absent. */
  readonly publicKey?: string
  /** Another user, where policy allows it; the caller when absent. */
  readonly userId?: string
}

function ownerOf(nova: Nova, ctx: RequestContext, action: string, userId: string | undefined): string {
  const owner = userId ?? ctx.identity.userId
  requireRule(nova, ctx, `os_compute_api:os-keypairs:${action}`, { user_id: owner })
  return owner
}

/** @returns with the private half when the pair was made here: nothing keeps it */
export async function createKeypair(nova: Nova, ctx: RequestContext, asked: NewKeypair): Promise<Omit<Keypair, 'rowId'> & { readonly privateKey?: string }> {
  const userId = ownerOf(nova, ctx, 'create', asked.userId)
  const made = asked.publicKey === undefined ? await make(asked.type) : undefined
  const publicKey = asked.publicKey ?? made?.publicKey ?? ''
  const keypair = { name: asked.name, userId, type: asked.type, publicKey, fingerprint: fingerprintOf(asked.type, publicKey), createdAt: nova.runtime.clock.now().toISOString() }
  try {
    await nova.api.transaction(async (tx) => {
      await lockClaim(tx, 'keypairs', userId)
      // The limit is the caller's also where the pair is another user's (nova/objects/quotas.py, check_deltas).
      const { key_pairs: limit } = await userLimits(nova, ctx.identity.projectId ?? '', ctx.identity.userId, tx)
      if (!hasRoom(limit, await countKeypairs(tx, userId))) throw new Forbidden('Quota exceeded, too many key pairs.')
      await insertKeypair(tx, keypair)
    })
  } catch (error) {
    if (isUniqueViolation(error)) throw new Conflict(`Key pair '${asked.name}' already exists.`, {}, error)
    throw error
  }
  return made ? { ...keypair, privateKey: made.privateKey } : keypair
}

async function make(type: KeypairType): Promise<{ privateKey: string; publicKey: string }> {
  if (type === 'x509') throw new BadRequest('Keypair data is invalid: a certificate is not made here; give it as public_key')
  return generateSshKey()
}

function fingerprintOf(type: KeypairType, publicKey: string): string {
  if (type === 'ssh') {
    const fingerprint = sshFingerprint(publicKey)
    if (fingerprint === undefined) throw new BadRequest('Keypair data is invalid: failed to generate fingerprint')
    return fingerprint
  }
  if (!publicKey.trimStart().startsWith('-----BEGIN CERTIFICATE-----')) throw new BadRequest('Keypair data is invalid: failed to generate X509 fingerprint')
  try {
    return new X509Certificate(publicKey).fingerprint.toLowerCase()
  } catch (error) {
    throw new BadRequest('Keypair data is invalid: failed to generate X509 fingerprint', {}, error)
  }
}

export async function showKeypair(nova: Nova, ctx: RequestContext, name: string, asked?: string): Promise<Keypair> {
  const userId = ownerOf(nova, ctx, 'show', asked)
  const keypair = await findKeypair(nova.api.read, userId, name)
  if (!keypair) throw missing(name, userId)
  return keypair
}

export async function findKeypairs(nova: Nova, ctx: RequestContext, page: { limit: number; marker?: string }, asked?: string): Promise<Keypair[]> {
  const userId = ownerOf(nova, ctx, 'index', asked)
  if (page.marker !== undefined && !(await findKeypair(nova.api.read, userId, page.marker))) throw new BadRequest(`Marker ${page.marker} could not be found.`)
  return listKeypairs(nova.api.read, userId, page)
}

export async function removeKeypair(nova: Nova, ctx: RequestContext, name: string, asked?: string): Promise<void> {
  const userId = ownerOf(nova, ctx, 'delete', asked)
  if (!(await nova.api.transaction((tx) => deleteKeypair(tx, userId, name)))) throw missing(name, userId)
}

function missing(name: string, userId: string) {
  return new NotFound(`Keypair ${name} not found for user ${userId}`)
}
