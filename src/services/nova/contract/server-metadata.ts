// The metadata and tags of a server.
import { Closed, defineRoutes, deferred, Type } from '#core/spec'
import { MetadataBody, ServerParams, Tag } from './schemas.ts'

const KeyParams = Type.Object({ server_id: Type.String({ minLength: 1, maxLength: 255 }), key: Type.String({ minLength: 1, maxLength: 255 }) })
const TagParams = Type.Object({ server_id: Type.String({ minLength: 1, maxLength: 255 }), tag: Type.String({ minLength: 1, maxLength: 255 }) })
const Metadata = Closed({ metadata: Type.Record(Type.String(), Type.String()) })
const Item = Closed({ meta: Type.Record(Type.String(), Type.String()) })
const OneItem = Closed({ meta: Type.Record(Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }), Type.String({ maxLength: 255 }), { additionalProperties: false, minProperties: 1, maxProperties: 1 }) })
const Tags = Closed({ tags: Type.Array(Type.String()) })
const rule = (name: string) => deferred(`os_compute_api:server-metadata:${name}`)
const tagRule = (name: string) => deferred(`os_compute_api:os-server-tags:${name}`)

export const serverMetadataRoutes = defineRoutes('nova', {
  listMetadata: {
    method: 'GET', path: '/servers/:server_id/metadata', policy: rule('index'), summary: 'List the metadata of a server.', params: ServerParams, reply: { 200: Metadata }, faults: [403, 404],
  },
  addMetadata: {
    method: 'POST', path: '/servers/:server_id/metadata', policy: rule('create'), summary: 'Add metadata to a server, or change it.', params: ServerParams,
    body: Closed({ metadata: MetadataBody }), reply: { 200: Metadata }, faults: [400, 403, 404, 409],
  },
  replaceMetadata: {
    method: 'PUT', path: '/servers/:server_id/metadata', policy: rule('update_all'), summary: 'Replace the metadata of a server.', params: ServerParams,
    body: Closed({ metadata: MetadataBody }), reply: { 200: Metadata }, faults: [400, 403, 404, 409],
  },
  showMetadataItem: {
    method: 'GET', path: '/servers/:server_id/metadata/:key', policy: rule('show'), summary: 'Show a metadata item of a server.', params: KeyParams, reply: { 200: Item }, faults: [403, 404],
  },
  setMetadataItem: {
    method: 'PUT', path: '/servers/:server_id/metadata/:key', policy: rule('update'), summary: 'Set a metadata item of a server.', params: KeyParams,
    body: OneItem, reply: { 200: Item }, faults: [400, 403, 404, 409],
  },
  deleteMetadataItem: {
    method: 'DELETE', path: '/servers/:server_id/metadata/:key', policy: rule('delete'), summary: 'Delete a metadata item of a server.', params: KeyParams, reply: { 204: null }, faults: [403, 404, 409],
  },
})

export const serverTagRoutes = defineRoutes('nova', {
  listTags: {
    method: 'GET', path: '/servers/:server_id/tags', since: '2.26', policy: tagRule('index'), summary: 'List the tags of a server.', params: ServerParams, reply: { 200: Tags }, faults: [403, 404],
  },
  replaceTags: {
    method: 'PUT', path: '/servers/:server_id/tags', since: '2.26', policy: tagRule('update_all'), summary: 'Replace the tags of a server.', params: ServerParams,
    body: Closed({ tags: Type.Array(Tag, { maxItems: 50 }) }), reply: { 200: Tags }, faults: [400, 403, 404, 409],
  },
  deleteTags: {
    method: 'DELETE', path: '/servers/:server_id/tags', since: '2.26', policy: tagRule('delete_all'), summary: 'Take all tags from a server.', params: ServerParams, reply: { 204: null }, faults: [403, 404, 409],
  },
  showTag: {
    method: 'GET', path: '/servers/:server_id/tags/:tag', since: '2.26', policy: tagRule('show'), summary: 'Ask whether a server has a tag.', params: TagParams, reply: { 204: null }, faults: [403, 404],
  },
  addTag: {
    method: 'PUT', path: '/servers/:server_id/tags/:tag', since: '2.26', policy: tagRule('update'), summary: 'Put a tag on a server.', params: TagParams, body: Type.Null(), bodyOptional: true,
    reply: { 201: null, 204: null }, faults: [400, 403, 404, 409],
  },
  deleteTag: {
    method: 'DELETE', path: '/servers/:server_id/tags/:tag', since: '2.26', policy: tagRule('delete'), summary: 'Take a tag from a server.', params: TagParams, reply: { 204: null }, faults: [403, 404, 409],
  },
})
