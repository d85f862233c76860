// Who may do what with images. Upstream's names and defaults (glance/policies).
import type { Rule } from '#core/policy'

const admin = 'rule:context_is_admin'
const owner = 'project_id:%(project_id)s'
const imageMember = 'project_id:%(member_id)s'
const open = "'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s"
const ownerAsMember = `${admin} or (role:member and ${owner})`
const image = '/v2/images/{image_id}'

const rule = (name: string, check: string, method: string, path: string, description: string): Rule => ({
  name, check, description, scopes: ['project'], operations: [{ method, path }],
})

export const glanceRules: readonly Rule[] = [
  { name: 'context_is_admin', check: 'role:admin', description: 'Who is an administrator.' },
  rule('add_image', `${ownerAsMember} and project_id:%(owner)s`, 'POST', '/v2/images', 'Create an image.'),
  rule('delete_image', ownerAsMember, 'DELETE', image, 'Delete an image.'),
  rule('get_image', `${admin} or (role:reader and (${owner} or ${imageMember} or ${open}))`, 'GET', image, 'Show an image.'),
  rule('get_images', `${admin} or (role:reader and ${owner})`, 'GET', '/v2/images', 'List images.'),
  rule('modify_image', ownerAsMember, 'PATCH', image, 'Change an image.'),
  rule('publicize_image', admin, 'PATCH', image, 'Make an image public.'),
  rule('communitize_image', ownerAsMember, 'PATCH', image, 'Make an image visible to the community.'),
  rule('download_image', `${admin} or (role:member and (${owner} or ${imageMember} or ${open}))`, 'GET', `${image}/file`, 'Download the data of an image.'),
  rule('upload_image', ownerAsMember, 'PUT', `${image}/file`, 'Upload the data of an image.'),
  rule('add_member', ownerAsMember, 'POST', `${image}/members`, 'Share an image with a project.'),
  rule('delete_member', ownerAsMember, 'DELETE', `${image}/members/{member_id}`, 'End the sharing with a project.'),
  rule('get_member', `${admin} or (role:reader and (${owner} or ${imageMember}))`, 'GET', `${image}/members/{member_id}`, 'Show a member.'),
  rule('get_members', `${admin} or (role:reader and (${owner} or ${imageMember}))`, 'GET', `${image}/members`, 'List members.'),
  rule('modify_member', `${admin} or (role:member and ${imageMember})`, 'PUT', `${image}/members/{member_id}`, 'Accept or reject an image.'),
  rule('deactivate', ownerAsMember, 'POST', `${image}/actions/deactivate`, 'Deactivate an image.'),
  rule('reactivate', ownerAsMember, 'POST', `${image}/actions/reactivate`, 'Reactivate an image.'),
  rule('stores_info_detail', admin, 'GET', '/v2/info/stores/detail', 'Show the properties of stores.'),
]
