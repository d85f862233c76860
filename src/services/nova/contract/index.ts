// What others may import of nova.
export { externalEventRoutes } from './server-external-events.ts'
export { computeVersions } from './versions.ts'
