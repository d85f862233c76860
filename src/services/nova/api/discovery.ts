// The documents that say which versions the compute API has: at `/` and at `/v2.1`, without a token.
import { type ApiReply, type ApiRequest, withoutTrailingSlashes } from '#core/http'
import { computeVersions } from '../contract/versions.ts'

const mediaTypes = (version: string) => [{ base: 'application/json', type: `application/vnd.openstack.compute+json;version=${version}` }]

/** v2.0 is shown as it is upstream: the same routes without microversions. */
function entries(origin: string) {
  return [
    { id: 'v2.0', status: 'SUPPORTED', version: '', min_version: '', updated: '2011-01-21T11:33:21Z', links: [{ rel: 'self', href: `${origin}/v2/` }] },
    {
      id: 'v2.1', status: 'CURRENT', version: computeVersions.maximum.text, min_version: computeVersions.minimum.text,
      updated: '2013-07-23T11:33:21Z', links: [{ rel: 'self', href: `${origin}/v2.1/` }],
    },
  ]
}

export function discovery(request: ApiRequest): ApiReply | undefined {
  if (request.method !== 'GET') return undefined
  const path = withoutTrailingSlashes(request.path)
  const json = (body: unknown, status = 200): ApiReply => ({ status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (path === '') return json({ versions: entries(request.origin) })
  const name = path === '/v2' ? 'v2.0' : path === '/v2.1' ? 'v2.1' : undefined
  const entry = entries(request.origin).find(({ id }) => id === name)
  if (!entry) return undefined
  return json({
    version: {
      ...entry, 'media-types': mediaTypes(entry.id === 'v2.0' ? '2' : '2.1'),
      links: [...entry.links, { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' }],
    },
  })
}
