// The block storage API: every noun's table with its handlers, behind one pipeline.
import { computeFaults, createApi, serve, type Transport } from '#core/http'
import type { Runtime } from '#core/service'
import { cinderVersions } from '../contract/versions.ts'
import { volumeRoutes } from '../contract/volumes.ts'
import type { Cinder } from '../domain/cinder.ts'
import { discovery } from './discovery.ts'
import { volumeHandlers } from './volumes.ts'

export function volumeApi(cinder: Cinder, runtime: Runtime): Transport {
  return createApi({
    service: 'cinder',
    prefix: '/v3',
    projectInPath: 'optional',
    routes: [serve(volumeRoutes, volumeHandlers(cinder))],
    versions: { list: cinderVersions, type: 'volume' },
    faults: computeFaults,
    policy: cinder.policy,
    authenticate: runtime.authenticate,
    discovery,
    capabilities: runtime,
    requestIdHeader: 'x-compute-request-id',
    authUrl: runtime.authUrl,
    checkReplies: runtime.checkReplies,
  })
}
