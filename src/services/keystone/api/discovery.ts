// The documents by which clients find the API: what versions there are, and where.
import type { ApiReply, ApiRequest } from '#core/http'
import { identityVersion } from '../contract/versions.ts'

function versionDocument(origin: string) {
  return {
    ...identityVersion,
    links: [{ rel: 'self', href: `${origin}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  }
}

/** 300 at the root, since there is a choice in principle; both need no token. */
export function discovery(request: ApiRequest): ApiReply | undefined {
  const { path, method, origin } = request
  const isRoot = path === '/' || path === ''
  if (!isRoot && path !== '/v3' && path !== '/v3/') return undefined
  if (method === 'OPTIONS') return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8', Allow: 'GET, HEAD, OPTIONS' }, body: '' }
  if (method !== 'GET' && method !== 'HEAD') return undefined
  const value = isRoot ? { versions: { values: [versionDocument(origin)] } } : { version: versionDocument(origin) }
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (isRoot) headers['Location'] = `${origin}/v3/`
  return { status: isRoot ? 300 : 200, headers, body: method === 'HEAD' ? null : JSON.stringify(value) }
}
