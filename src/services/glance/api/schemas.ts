// The JSON schemas of glance's nouns, which clients read to tell attributes from properties.
import { PreparedJson, type Handlers } from '#core/http'
import type { schemaRoutes } from '../contract/info.ts'

const uuid = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'
const textOrNull = (description: string, maxLength: number, more: object = {}) => ({ type: ['null', 'string'], description, maxLength, ...more })
const kept = { readOnly: true }
/** One of the owner's own that is known by name. */
const property = (description: string, more: object = {}) => ({ type: 'string', description, is_base: false, ...more })

const imageProperties = {
  id: { type: 'string', description: 'The identifier of the image.', pattern: uuid },
  name: textOrNull('What its owner calls the image.', 255),
  status: { ...kept, type: 'string', description: 'The state of the image.', enum: ['queued', 'saving', 'active', 'killed', 'deleted', 'uploading', 'importing', 'pending_delete', 'deactivated'] },
  visibility: { type: 'string', description: 'Who may see the image.', enum: ['community', 'public', 'private', 'shared'] },
  protected: { type: 'boolean', description: 'Whether deleting is refused.' },
  os_hidden: { type: 'boolean', description: 'Whether lists leave the image out unless they are asked for hidden ones.' },
  checksum: textOrNull('The MD5 of the data.', 32, kept),
  os_hash_algo: textOrNull('The algorithm of os_hash_value.', 64, kept),
  os_hash_value: textOrNull('The hash of the data, in hexadecimal.', 128, kept),
  owner: textOrNull('The project that owns the image.', 255),
  size: { ...kept, type: ['null', 'integer'], description: 'How many bytes the data has.' },
  virtual_size: { ...kept, type: ['null', 'integer'], description: 'How many bytes the disk has that a guest would see.' },
  container_format: { type: ['null', 'string'], description: 'What the data is wrapped in.', enum: [null, 'ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] },
  disk_format: { type: ['null', 'string'], description: 'The format of the disk.', enum: [null, 'ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'] },
  created_at: { ...kept, type: 'string', description: 'When the image was created.' },
  updated_at: { ...kept, type: 'string', description: 'When the image was last changed.' },
  tags: { type: 'array', description: 'Words that the image is found by.', items: { type: 'string', maxLength: 255 } },
  min_ram: { type: 'integer', description: 'The memory in MiB that a server needs to boot it.' },
  min_disk: { type: 'integer', description: 'The disk in GiB that a server needs to boot it.' },
  self: { ...kept, type: 'string', description: 'The path of the image.' },
  file: { ...kept, type: 'string', description: 'The path of its data.' },
  schema: { ...kept, type: 'string', description: 'The path of this schema.' },
  stores: { ...kept, type: 'string', description: 'The stores that hold the data.' },
  kernel_id: property('The image of the kernel that boots this one.', { type: ['null', 'string'], pattern: uuid }),
  ramdisk_id: property('The image of the ramdisk that boots this one.', { type: ['null', 'string'], pattern: uuid }),
  instance_uuid: property('The server that the image was made of.'),
  architecture: property('The architecture of the operating system.'),
  os_distro: property('The name of the operating system.'),
  os_version: property('The version of the operating system.'),
  description: property('What the image is, for people.'),
  cinder_encryption_key_id: property('The key of volumes that are made of the image.'),
  cinder_encryption_key_deletion_policy: property('When that key is deleted.', { enum: ['on_image_deletion', 'do_not_delete'] }),
}

const image = {
  name: 'image', properties: imageProperties, additionalProperties: { type: 'string' },
  links: [{ rel: 'self', href: '{self}' }, { rel: 'enclosure', href: '{file}' }, { rel: 'describedby', href: '{schema}' }],
}

const member = {
  name: 'member',
  properties: {
    member_id: { type: 'string', description: 'The project that the image is shared with.' },
    image_id: { type: 'string', description: 'The image.', pattern: uuid },
    created_at: { type: 'string', description: 'When the sharing began.' },
    updated_at: { type: 'string', description: 'When it was last changed.' },
    status: { type: 'string', description: 'What the member makes of it.', enum: ['pending', 'accepted', 'rejected'] },
    schema: { readOnly: true, type: 'string' },
  },
}

const images = {
  name: 'images',
  properties: { images: { type: 'array', items: image }, first: { type: 'string' }, next: { type: 'string' }, schema: { type: 'string' } },
  links: [{ rel: 'first', href: '{first}' }, { rel: 'next', href: '{next}' }, { rel: 'describedby', href: '{schema}' }],
}

const members = {
  name: 'members', properties: { members: { type: 'array', items: member }, schema: { type: 'string' } }, links: [{ rel: 'describedby', href: '{schema}' }],
}

const answer = (schema: object) => {
  const body = new PreparedJson(JSON.stringify(schema)) as never
  return async () => ({ status: 200 as const, body })
}

export const schemaHandlers: Handlers<typeof schemaRoutes> = {
  showImageSchema: answer(image), showImagesSchema: answer(images), showMemberSchema: answer(member), showMembersSchema: answer(members),
}
