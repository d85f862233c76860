// Images: their records, tags and whether they may be used.
import { anyType, defineRoutes, deferred, Json, Type } from '#core/spec'
import { Image, NewImage } from './image-shapes.ts'

export const jsonPatch = 'application/openstack-images-v2.1-json-patch'
/** With `{"replace": "/name", "value": …}` instead of op and path. */
export const oldJsonPatch = 'application/openstack-images-v2.0-json-patch'

export const imageRoutes = defineRoutes('glance', {
  listImages: {
    method: 'GET', path: '/images', summary: 'List the images that the caller may see.', policy: 'get_images',
    query: Type.Object({}, { additionalProperties: true }),
    reply: { 200: Type.Object({ images: Type.Array(Image), first: Type.String(), next: Type.Optional(Type.String()), schema: Type.String() }) }, faults: [400, 403],
  },
  createImage: {
    method: 'POST', path: '/images', summary: 'Create the record of an image; its data follows.', policy: deferred('add_image', 'publicize_image', 'communitize_image'),
    accepts: anyType, body: NewImage, reply: { 201: Image }, faults: [400, 403, 409, 413],
  },
  showImage: {
    method: 'GET', path: '/images/:image_id', summary: 'Show an image.', policy: deferred('get_image'),
    reply: { 200: Image }, faults: [404],
  },
  updateImage: {
    method: 'PATCH', path: '/images/:image_id', summary: 'Change an image by a JSON patch.', policy: deferred('modify_image', 'publicize_image', 'communitize_image'),
    accepts: [jsonPatch, '*/*'], body: Json, reply: { 200: Image }, faults: [400, 403, 404, 409, 413, 415],
  },
  deleteImage: {
    method: 'DELETE', path: '/images/:image_id', summary: 'Delete an image and free its bytes.', policy: deferred('delete_image'),
    reply: { 204: null }, faults: [403, 404, 409],
  },
  addTag: {
    method: 'PUT', path: '/images/:image_id/tags/:tag', summary: 'Put a tag on an image.', policy: deferred('modify_image'),
    reply: { 204: null }, faults: [400, 403, 404, 413],
  },
  removeTag: {
    method: 'DELETE', path: '/images/:image_id/tags/:tag', summary: 'Take a tag from an image.', policy: deferred('modify_image'),
    reply: { 204: null }, faults: [403, 404],
  },
  deactivateImage: {
    method: 'POST', path: '/images/:image_id/actions/deactivate', summary: 'Let only administrators download an image.', policy: deferred('deactivate'),
    reply: { 204: null }, faults: [403, 404],
  },
  reactivateImage: {
    method: 'POST', path: '/images/:image_id/actions/reactivate', summary: 'Let an image be downloaded again.', policy: deferred('reactivate'),
    reply: { 204: null }, faults: [403, 404],
  },
})
