// What others may import of nova.
export { computeVersions } from './versions.ts'
