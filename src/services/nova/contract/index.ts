// What others may import of nova.
export { externalEventRoutes } from './server-external-events.ts'
export { computeVersions } from './versions.ts'
export { flavorExtraSpecRoutes } from './flavor-extra-specs.ts'
export { flavorAccessRoutes, flavorRoutes } from './flavors.ts'
export { keypairRoutes } from './keypairs.ts'
