// Who may do what with images. Upstream's names and defaults (glance/policies).
import type { Rule } from '#core/policy'

const admin = 'rule:context_is_admin'
const owner = 'project_id:%(project_id)s'
const imageMember = 'project_id:%(member_id)s'
const open = "'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s"
const ownerAsMember = `${admin} or (role:member and ${owner})`

const rule = (name: string, check: string, description: string): Rule => ({ name, check, description, scopes: ['project'] })

export const glanceRules: readonly Rule[] = [
  { name: 'context_is_admin', check: 'role:admin', description: 'Who is an administrator.' },
  rule('add_image', `${ownerAsMember} and project_id:%(owner)s`, 'Create an image.'),
  rule('delete_image', ownerAsMember, 'Delete an image.'),
  rule('get_image', `${admin} or (role:reader and (${owner} or ${imageMember} or ${open}))`, 'Show an image.'),
  rule('get_images', `${admin} or (role:reader and ${owner})`, 'List images.'),
  rule('modify_image', ownerAsMember, 'Change an image.'),
  rule('publicize_image', admin, 'Make an image public.'),
  rule('communitize_image', ownerAsMember, 'Make an image visible to the community.'),
  rule('download_image', `${admin} or (role:member and (${owner} or ${imageMember} or ${open}))`, 'Download the data of an image.'),
  rule('upload_image', ownerAsMember, 'Upload the data of an image.'),
  rule('add_member', ownerAsMember, 'Share an image with a project.'),
  rule('delete_member', ownerAsMember, 'End the sharing with a project.'),
  rule('get_member', `${admin} or (role:reader and (${owner} or ${imageMember}))`, 'Show a member.'),
  rule('get_members', `${admin} or (role:reader and (${owner} or ${imageMember}))`, 'List members.'),
  rule('modify_member', `${admin} or (role:member and ${imageMember})`, 'Accept or reject an image.'),
  rule('deactivate', ownerAsMember, 'Deactivate an image.'),
  rule('reactivate', ownerAsMember, 'Reactivate an image.'),
  rule('stores_info_detail', admin, 'Show the properties of stores.'),
]
