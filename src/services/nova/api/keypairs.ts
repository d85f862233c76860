// Handlers and views of keypairs.
import { type Handlers, readPage } from '#core/http'
import type { Version } from '#core/spec'
import type { keypairRoutes, NewKeypairWire } from '../contract/keypairs.ts'
import { createKeypair, findKeypairs, removeKeypair, showKeypair } from '../domain/keypairs.ts'
import type { Nova } from '../domain/nova.ts'
import type { Keypair } from '../model/keypair.ts'
import { nextLinks } from './links.ts'
import { microseconds } from './values.ts'

/** Another user may be named from 2.10. */
function userOf(query: object, version: Version): string | undefined {
  return version.atLeast('2.10') ? (query as { user_id?: readonly string[] }).user_id?.at(-1) : undefined
}

export const keypairHandlers = (nova: Nova): Handlers<typeof keypairRoutes> => ({
  async listKeypairs({ ctx, query, version, ...asked }) {
    const paged = version.atLeast('2.35')
    const everything = { limit: Number.MAX_SAFE_INTEGER }
    const page = paged ? readPage({ ...query }, { sortable: [], defaultSort: [], maxLimit: nova.settings.max_limit }) : everything
    const keypairs = await findKeypairs(nova, ctx, page, userOf(query, version))
    const next = paged ? nextLinks(asked, 'os-keypairs', page.limit, keypairs.map(({ name }) => name)) : undefined
    return { status: 200, body: { keypairs: keypairs.map((keypair) => ({ keypair: viewKeypair(keypair, version) })), ...(next && { keypairs_links: next }) } }
  },
  async createKeypair({ ctx, body, version }) {
    const { name, public_key: publicKey, type = 'ssh', user_id: userId } = body.keypair as NewKeypairWire
    const made = await createKeypair(nova, ctx, { name: name.trim(), type, ...(publicKey !== undefined && { publicKey }), ...(userId !== undefined && { userId }) })
    const keypair = { ...viewKeypair(made, version), user_id: made.userId, ...(made.privateKey !== undefined && { private_key: made.privateKey }) }
    return { status: version.atLeast('2.2') ? 201 : 200, body: { keypair } }
  },
  async showKeypair({ ctx, params, query, version }) {
    const keypair = await showKeypair(nova, ctx, params.id, userOf(query, version))
    return {
      status: 200,
      body: {
        keypair: {
          ...viewKeypair(keypair, version), user_id: keypair.userId, id: keypair.rowId, created_at: microseconds(keypair.createdAt),
          deleted: false, deleted_at: null, updated_at: null,
        },
      },
    }
  },
  async deleteKeypair({ ctx, params, query, version }) {
    await removeKeypair(nova, ctx, params.id, userOf(query, version))
    return { status: version.atLeast('2.2') ? 204 : 202 }
  },
})

function viewKeypair({ name, publicKey, fingerprint, type }: Omit<Keypair, 'rowId'>, version: Version) {
  return { name, public_key: publicKey, fingerprint, ...(version.atLeast('2.2') && { type }) }
}
