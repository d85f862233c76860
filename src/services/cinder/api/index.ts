// The block storage API: every noun's table with its handlers, behind one pipeline.
import { computeFaults, createApi, serve, type Transport } from '#core/http'
import type { Runtime } from '#core/service'
import { cinderVersions } from '../contract/versions.ts'
import { attachmentRoutes } from '../contract/attachments.ts'
import { limitRoutes, quotaRoutes } from '../contract/quotas.ts'
import { messageRoutes, serviceRoutes } from '../contract/services.ts'
import { volumeActionRoutes, volumeMetadataRoutes } from '../contract/volume-actions.ts'
import { defaultTypeRoutes, extraSpecRoutes, volumeTypeRoutes } from '../contract/volume-types.ts'
import { volumeRoutes } from '../contract/volumes.ts'
import type { Cinder } from '../domain/cinder.ts'
import { attachmentHandlers } from './attachments.ts'
import { discovery } from './discovery.ts'
import { limitHandlers, quotaHandlers } from './quotas.ts'
import { messageHandlers, serviceHandlers } from './services.ts'
import { volumeActionHandlers, volumeMetadataHandlers } from './volume-actions.ts'
import { defaultTypeHandlers, extraSpecHandlers, volumeTypeHandlers } from './volume-types.ts'
import { volumeHandlers } from './volumes.ts'

export function volumeApi(cinder: Cinder, runtime: Runtime): Transport {
  return createApi({
    service: 'cinder',
    prefix: '/v3',
    projectInPath: 'optional',
    routes: [
      serve(volumeRoutes, volumeHandlers(cinder)),
      serve(volumeActionRoutes, volumeActionHandlers(cinder)),
      serve(volumeMetadataRoutes, volumeMetadataHandlers(cinder)),
      serve(attachmentRoutes, attachmentHandlers(cinder)),
      serve(volumeTypeRoutes, volumeTypeHandlers(cinder)),
      serve(extraSpecRoutes, extraSpecHandlers(cinder)),
      serve(defaultTypeRoutes, defaultTypeHandlers(cinder)),
      serve(quotaRoutes, quotaHandlers(cinder)),
      serve(limitRoutes, limitHandlers(cinder)),
      serve(serviceRoutes, serviceHandlers(cinder)),
      serve(messageRoutes, messageHandlers(cinder)),
    ],
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
