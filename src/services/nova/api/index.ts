// The compute API: every noun's table with its handlers, behind one pipeline.
import { computeFaults, createApi, serve, type Transport } from '#core/http'
import { instanceActionRoutes } from '../contract/instance-actions.ts'
import { serverActionRoutes } from '../contract/server-actions.ts'
import { interfaceRoutes, serverAddressRoutes, volumeAttachmentRoutes } from '../contract/server-attachments.ts'
import { externalEventRoutes } from '../contract/server-external-events.ts'
import { serverMetadataRoutes, serverTagRoutes } from '../contract/server-metadata.ts'
import { serverRoutes } from '../contract/servers.ts'
import { computeVersions } from '../contract/versions.ts'
import type { Nova } from '../domain/nova.ts'
import { discovery } from './discovery.ts'
import { instanceActionHandlers } from './instance-actions.ts'
import { nouns } from './nouns.ts'
import { externalEventHandlers } from './server-external-events.ts'
import { serverActionHandlers } from './servers/actions.ts'
import { interfaceHandlers, serverAddressHandlers, volumeAttachmentHandlers } from './servers/attachments.ts'
import { serverHandlers } from './servers/index.ts'
import { serverMetadataHandlers, serverTagHandlers } from './servers/metadata.ts'

export function computeApi(nova: Nova): Transport {
  const { runtime } = nova
  return createApi({
    service: 'nova',
    prefix: '/v2.1',
    legacyPrefix: '/v2',
    projectInPath: 'optional',
    routes: [
      serve(serverRoutes, serverHandlers(nova)),
      serve(serverActionRoutes, serverActionHandlers(nova)),
      serve(serverMetadataRoutes, serverMetadataHandlers(nova)),
      serve(serverTagRoutes, serverTagHandlers(nova)),
      serve(volumeAttachmentRoutes, volumeAttachmentHandlers(nova)),
      serve(interfaceRoutes, interfaceHandlers(nova)),
      serve(serverAddressRoutes, serverAddressHandlers(nova)),
      serve(instanceActionRoutes, instanceActionHandlers(nova)),
      serve(externalEventRoutes, externalEventHandlers(nova)),
      ...nouns(nova),
    ],
    versions: { list: computeVersions, type: 'compute', legacyHeader: 'X-OpenStack-Nova-API-Version' },
    input: { mediaTypes: ['application/vnd.openstack.compute+json'] },
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
