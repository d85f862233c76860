// The nouns beside servers: each table with its handlers.
import { serve } from '#core/http'
import { aggregateRoutes } from '../contract/aggregates.ts'
import { availabilityZoneRoutes } from '../contract/availability-zones.ts'
import { extensionRoutes } from '../contract/extensions.ts'
import { flavorExtraSpecRoutes } from '../contract/flavor-extra-specs.ts'
import { flavorAccessRoutes, flavorRoutes } from '../contract/flavors.ts'
import { hypervisorRoutes } from '../contract/hypervisors.ts'
import { keypairRoutes } from '../contract/keypairs.ts'
import { limitRoutes, quotaClassRoutes, quotaSetRoutes } from '../contract/quotas.ts'
import { removedRoutes } from '../contract/removed.ts'
import { securityGroupRoutes } from '../contract/security-groups.ts'
import { serverGroupRoutes } from '../contract/server-groups.ts'
import { serviceRoutes } from '../contract/services.ts'
import { usageRoutes } from '../contract/usage.ts'
import type { Nova } from '../domain/nova.ts'
import { aggregateHandlers } from './aggregates.ts'
import { availabilityZoneHandlers } from './availability-zones.ts'
import { extensionHandlers } from './extensions.ts'
import { flavorAccessHandlers } from './flavor-access.ts'
import { flavorExtraSpecHandlers } from './flavor-extra-specs.ts'
import { flavorHandlers } from './flavors.ts'
import { hypervisorHandlers } from './hypervisors.ts'
import { keypairHandlers } from './keypairs.ts'
import { limitHandlers, quotaClassHandlers, quotaSetHandlers } from './quotas.ts'
import { removedHandlers } from './removed.ts'
import { securityGroupHandlers } from './security-groups.ts'
import { serverGroupHandlers } from './server-groups.ts'
import { serviceHandlers } from './services.ts'
import { usageHandlers } from './usage.ts'

export function nouns(nova: Nova) {
  return [
    serve(flavorRoutes, flavorHandlers(nova)),
    serve(flavorAccessRoutes, flavorAccessHandlers(nova)),
    serve(flavorExtraSpecRoutes, flavorExtraSpecHandlers(nova)),
    serve(keypairRoutes, keypairHandlers(nova)),
    serve(aggregateRoutes, aggregateHandlers(nova)),
    serve(availabilityZoneRoutes, availabilityZoneHandlers(nova)),
    serve(hypervisorRoutes, hypervisorHandlers(nova)),
    serve(serviceRoutes, serviceHandlers(nova)),
    serve(securityGroupRoutes, securityGroupHandlers(nova)),
    serve(serverGroupRoutes, serverGroupHandlers(nova)),
    serve(limitRoutes, limitHandlers(nova)),
    serve(quotaSetRoutes, quotaSetHandlers(nova)),
    serve(quotaClassRoutes, quotaClassHandlers(nova)),
    serve(usageRoutes, usageHandlers(nova)),
    serve(extensionRoutes, extensionHandlers),
    serve(removedRoutes, removedHandlers),
  ]
}
