// The nouns beside servers: each table with its handlers.
import { serve } from '#core/http'
import { aggregateRoutes } from '../contract/aggregates.ts'
import { availabilityZoneRoutes } from '../contract/availability-zones.ts'
import { flavorExtraSpecRoutes } from '../contract/flavor-extra-specs.ts'
import { flavorAccessRoutes, flavorRoutes } from '../contract/flavors.ts'
import { hypervisorRoutes } from '../contract/hypervisors.ts'
import { keypairRoutes } from '../contract/keypairs.ts'
import { serviceRoutes } from '../contract/services.ts'
import type { Nova } from '../domain/nova.ts'
import { aggregateHandlers } from './aggregates.ts'
import { availabilityZoneHandlers } from './availability-zones.ts'
import { flavorAccessHandlers } from './flavor-access.ts'
import { flavorExtraSpecHandlers } from './flavor-extra-specs.ts'
import { flavorHandlers } from './flavors.ts'
import { hypervisorHandlers } from './hypervisors.ts'
import { keypairHandlers } from './keypairs.ts'
import { serviceHandlers } from './services.ts'

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
  ]
}
