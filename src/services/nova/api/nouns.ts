// The nouns beside servers: each table with its handlers.
import { serve } from '#core/http'
import { flavorExtraSpecRoutes } from '../contract/flavor-extra-specs.ts'
import { flavorAccessRoutes, flavorRoutes } from '../contract/flavors.ts'
import { keypairRoutes } from '../contract/keypairs.ts'
import type { Nova } from '../domain/nova.ts'
import { flavorAccessHandlers } from './flavor-access.ts'
import { flavorExtraSpecHandlers } from './flavor-extra-specs.ts'
import { flavorHandlers } from './flavors.ts'
import { keypairHandlers } from './keypairs.ts'

export function nouns(nova: Nova) {
  return [
    serve(flavorRoutes, flavorHandlers(nova)),
    serve(flavorAccessRoutes, flavorAccessHandlers(nova)),
    serve(flavorExtraSpecRoutes, flavorExtraSpecHandlers(nova)),
    serve(keypairRoutes, keypairHandlers(nova)),
  ]
}
