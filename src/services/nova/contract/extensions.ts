// The old list of extensions: what the API is made of, for clients that look there.
import { Closed, defineRoutes, Type } from '#core/spec'
import { IdParams } from './values.ts'

const Extension = Closed({
  alias: Type.String(), name: Type.String(), description: Type.String(), namespace: Type.String(), updated: Type.String(), links: Type.Array(Type.Unknown()),
})

export const extensionRoutes = defineRoutes('nova', {
  listExtensions: {
    method: 'GET', path: '/extensions', policy: 'os_compute_api:extensions', summary: 'The extensions.',
    reply: { 200: Closed({ extensions: Type.Array(Extension) }) }, faults: [401, 403],
  },
  showExtension: {
    method: 'GET', path: '/extensions/:id', policy: 'os_compute_api:extensions', summary: 'One extension, by alias.',
    params: IdParams, reply: { 200: Closed({ extension: Extension }) }, faults: [401, 403, 404],
  },
})
