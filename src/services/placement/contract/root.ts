// The document that says which versions there are.
import { anonymous, Closed, defineRoutes, Type } from '#core/spec'
import { Links } from './shapes.ts'

const text = Type.String()

export const rootRoutes = defineRoutes('placement', {
  showVersions: {
    method: 'GET', path: '/', summary: 'Show which versions there are.', policy: anonymous,
    reply: { 200: Closed({ versions: Type.Array(Closed({ id: text, max_version: text, min_version: text, status: text, links: Links })) }) }, faults: [400, 406],
  },
})
