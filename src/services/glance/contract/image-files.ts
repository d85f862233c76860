// The data of images: in and out as streams.
import { defineRoutes, deferred, stream } from '#core/spec'

export const imageFileRoutes = defineRoutes('glance', {
  uploadImage: {
    method: 'PUT', path: '/images/:image_id/file', summary: 'Give an image its data.', policy: deferred('upload_image'),
    accepts: ['application/octet-stream'], body: stream, reply: { 204: null }, faults: [400, 403, 404, 409, 410, 413, 415, 503],
  },
  downloadImage: {
    method: 'GET', path: '/images/:image_id/file', summary: 'Read the data of an image, or a range of it.', policy: deferred('download_image'),
    reply: { 200: stream, 204: null, 206: stream }, faults: [403, 404, 416],
  },
})
