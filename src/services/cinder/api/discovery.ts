// The documents that say which versions the block storage API has: at `/` and at `/v3/`, without a token.
import { type ApiReply, type ApiRequest, withoutTrailingSlashes } from '#core/http'
import { cinderVersions } from '../contract/versions.ts'

export function discovery(request: ApiRequest): ApiReply | undefined {
  if (request.method !== 'GET') return undefined
  const path = withoutTrailingSlashes(request.path)
  if (path !== '' && path !== '/v3') return undefined
  const versions = [{
    id: 'v3.0', status: 'CURRENT', version: cinderVersions.maximum.text, min_version: cinderVersions.minimum.text, updated: '2022-06-29T00:00:00Z',
    links: [{ rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' }, { rel: 'self', href: `${request.origin}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' }],
  }]
  return { status: path === '' ? 300 : 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ versions }) }
}
