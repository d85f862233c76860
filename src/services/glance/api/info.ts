// What glance says about itself: discovery, stores, imports, usage.
import type { ApiReply, ApiRequest, Handlers } from '#core/http'
import type { infoRoutes } from '../contract/info.ts'
import type { Glance } from '../domain/glance.ts'
import { describeUsage } from '../domain/quota.ts'

export const infoHandlers = (glance: Glance): Handlers<typeof infoRoutes> => {
  const store = { id: glance.store.id, description: 'Files on the host of the image service', default: 'true' as const }
  return {
    async showImportInfo() {
      return { status: 200, body: { 'import-methods': { description: 'Import methods available.', type: 'array', value: [] } } }
    },
    async listStores() {
      return { status: 200, body: { stores: [store] } }
    },
    async listStoreDetails() {
      return { status: 200, body: { stores: [{ ...store, type: glance.store.type, weight: 0, properties: glance.store.properties }] } }
    },
    async showUsage({ ctx }) {
      return { status: 200, body: { usage: await describeUsage(glance.database.read, glance.limits, ctx.identity.projectId ?? null) } }
    },
  }
}

/** The newest version that what is built here satisfies; the older ones are supported with it. */
const newestMinor = 15
const minors = Array.from({ length: newestMinor + 1 }, (_, index) => newestMinor - index).filter((minor) => minor !== 14)

export function discovery(request: ApiRequest): ApiReply | undefined {
  if (request.method !== 'GET') return undefined
  const path = request.path.replace(/\/$/, '')
  if (path !== '' && path !== '/versions' && path !== '/v2') return undefined
  const href = `${request.origin}/v2/`
  const versions = minors.map((minor) => ({ id: `v2.${minor}`, status: minor === newestMinor ? 'CURRENT' : 'SUPPORTED', links: [{ rel: 'self', href }] }))
  // The root answers with 300 and several choices, as glance always did (glance/api/versions.py).
  return { status: path === '/versions' ? 200 : 300, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ versions }) }
}
