// Members: projects that an image is shared with, and what they make of it. Of a body one name is read, and the others are no matter.
import { anyType, defineRoutes, deferred, Nullable, Type } from '#core/spec'
import { Member } from './image-shapes.ts'

export const memberRoutes = defineRoutes('glance', {
  listMembers: {
    method: 'GET', path: '/images/:image_id/members', summary: 'List the members of an image; a member sees itself.', policy: deferred('get_members'),
    reply: { 200: Type.Object({ members: Type.Array(Member), schema: Type.String() }) }, faults: [403, 404],
  },
  createMember: {
    method: 'POST', path: '/images/:image_id/members', summary: 'Share an image with a project.', policy: deferred('add_member'),
    accepts: anyType, body: Type.Object({ member: Type.Optional(Nullable(Type.String({ maxLength: 255 }))) }), reply: { 200: Member }, faults: [400, 403, 404, 409, 413],
  },
  showMember: {
    method: 'GET', path: '/images/:image_id/members/:member_id', summary: 'Show a member.', policy: deferred('get_member'),
    reply: { 200: Member }, faults: [404],
  },
  updateMember: {
    method: 'PUT', path: '/images/:image_id/members/:member_id', summary: 'Accept or reject an image as its member.', policy: deferred('modify_member'),
    accepts: anyType, body: Type.Object({ status: Type.Optional(Type.String({ maxLength: 255 })) }), reply: { 200: Member }, faults: [400, 403, 404],
  },
  deleteMember: {
    method: 'DELETE', path: '/images/:image_id/members/:member_id', summary: 'End the sharing with a project.', policy: deferred('delete_member'),
    reply: { 204: null }, faults: [403, 404],
  },
})
