// What neutron says of itself before anybody has a token: its one version.
import type { ApiReply, ApiRequest } from '#core/http'

export function discovery(request: ApiRequest): ApiReply | undefined {
  if ((request.method !== 'GET' && request.method !== 'HEAD') || (request.path !== '/' && request.path !== '')) return undefined
  const versions = [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${request.origin}/v2.0/` }] }]
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ versions }) }
}
