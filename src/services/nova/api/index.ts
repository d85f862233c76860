// The compute API: every noun's table with its handlers, behind one pipeline.
import { computeFaults, createApi, type Transport } from '#core/http'
import { computeVersions } from '../contract/versions.ts'
import type { Nova } from '../domain/nova.ts'
import { discovery } from './discovery.ts'
import { nouns } from './nouns.ts'

export function computeApi(nova: Nova): Transport {
  const { runtime } = nova
  return createApi({
    service: 'nova',
    prefix: '/v2.1',
    projectInPath: 'optional',
    routes: [...nouns(nova)],
    versions: { list: computeVersions, type: 'compute', legacyHeader: 'X-OpenStack-Nova-API-Version' },
    faults: computeFaults,
    policy: nova.policy,
    authenticate: runtime.authenticate,
    discovery,
    capabilities: runtime,
    requestIdHeader: 'x-compute-request-id',
    authUrl: runtime.authUrl,
    checkReplies: runtime.checkReplies,
  })
}
