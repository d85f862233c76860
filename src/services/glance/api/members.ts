// Answers about members.
import { BadRequest } from '#core/errors'
import type { Handlers } from '#core/http'
import type { memberRoutes } from '../contract/members.ts'
import type { Glance } from '../domain/glance.ts'
import { createMember, deleteMember, listMembers, showMember, updateMember } from '../domain/members.ts'
import { viewMember } from './views.ts'

export const memberHandlers = (glance: Glance): Handlers<typeof memberRoutes> => ({
  async listMembers({ ctx, params }) {
    const members = await listMembers(glance, ctx, params.image_id)
    return { status: 200, body: { members: members.map(viewMember), schema: '/v2/schemas/members' } }
  },
  async createMember({ ctx, params, body }) {
    if (body.member === undefined) throw new BadRequest('Member to be added not specified')
    if (body.member === null || body.member === '') throw new BadRequest("Member can't be empty")
    return { status: 200, body: viewMember(await createMember(glance, ctx, params.image_id, body.member)) }
  },
  async showMember({ ctx, params }) {
    return { status: 200, body: viewMember(await showMember(glance, ctx, params.image_id, params.member_id)) }
  },
  async updateMember({ ctx, params, body }) {
    if (body.status === undefined) throw new BadRequest('Status not specified')
    return { status: 200, body: viewMember(await updateMember(glance, ctx, params.image_id, params.member_id, body.status)) }
  },
  async deleteMember({ ctx, params }) {
    await deleteMember(glance, ctx, params.image_id, params.member_id)
    return { status: 204 }
  },
})
