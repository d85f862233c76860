// What neutron says of itself before anybody has a token: its one version, and the nouns of it.
import type { ApiReply, ApiRequest } from '#core/http'

const nouns = [
  ['networks', 'network'], ['subnets', 'subnet'], ['ports', 'port'], ['routers', 'router'], ['floatingips', 'floatingip'],
  ['security-groups', 'security_group'], ['security-group-rules', 'security_group_rule'], ['agents', 'agent'], ['quotas', 'quota'],
] as const

export function discovery(request: ApiRequest): ApiReply | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
  const { origin } = request
  if (request.path === '/' || request.path === '') {
    return json(200, { versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${origin}/v2.0/` }] }] })
  }
  if (request.path !== '/v2.0' && request.path !== '/v2.0/') return undefined
  return json(200, {
    resources: nouns.map(([plural, single]) => ({ links: [{ rel: 'self', href: `${origin}/v2.0/${plural}` }], name: single, collection: plural.replaceAll('-', '_') })),
  })
}

function json(status: number, body: unknown): ApiReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
