// Handlers of the metadata and tags of servers.
import { BadRequest, NotFound } from '#core/errors'
import type { Handlers } from '#core/http'
import type { serverMetadataRoutes, serverTagRoutes } from '../../contract/server-metadata.ts'
import type { Nova } from '../../domain/nova.ts'
import { addMetadata, deleteMetadataItem, metadataOf, replaceMetadata, setMetadataItem, tagsOf, writeTags } from '../../domain/servers/metadata.ts'

export const serverMetadataHandlers = (nova: Nova): Handlers<typeof serverMetadataRoutes> => ({
  listMetadata: async ({ ctx, params }) => ({ status: 200, body: { metadata: { ...(await metadataOf(nova, ctx, params.server_id, 'index')) } } }),
  addMetadata: async ({ ctx, params, body }) => ({ status: 200, body: { metadata: { ...(await addMetadata(nova, ctx, params.server_id, body.metadata)) } } }),
  replaceMetadata: async ({ ctx, params, body }) => ({ status: 200, body: { metadata: { ...(await replaceMetadata(nova, ctx, params.server_id, body.metadata)) } } }),
  async showMetadataItem({ ctx, params: { server_id: id, key } }) {
    const metadata = await metadataOf(nova, ctx, id, 'show')
    const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined
    if (value === undefined) throw new NotFound('Metadata item was not found')
    return { status: 200, body: { meta: { [key]: value } } }
  },
  async setMetadataItem({ ctx, params: { server_id: id, key }, body }) {
    await setMetadataItem(nova, ctx, id, key, body.meta)
    return { status: 200, body: { meta: body.meta } }
  },
  async deleteMetadataItem({ ctx, params: { server_id: id, key } }) {
    await deleteMetadataItem(nova, ctx, id, key)
    return { status: 204 }
  },
})

export const serverTagHandlers = (nova: Nova): Handlers<typeof serverTagRoutes> => ({
  listTags: async ({ ctx, params }) => ({ status: 200, body: { tags: [...(await tagsOf(nova, ctx, params.server_id, 'index'))] } }),
  replaceTags: async ({ ctx, params, body }) => ({ status: 200, body: { tags: [...(await writeTags(nova, ctx, params.server_id, 'update_all', () => body.tags))] } }),
  async deleteTags({ ctx, params }) {
    await writeTags(nova, ctx, params.server_id, 'delete_all', () => [])
    return { status: 204 }
  },
  async showTag({ ctx, params: { server_id: id, tag } }) {
    if (!(await tagsOf(nova, ctx, id, 'show')).includes(tag)) throw new NotFound(`Server ${id} has no tag '${tag}'`)
    return { status: 204 }
  },
  async addTag({ ctx, params: { server_id: id, tag }, baseUrl }) {
    if (tag.length > 60 || /[,/]/.test(tag)) throw new BadRequest(`Tag '${tag.slice(0, 80)}' is invalid. It must be a non empty string without characters '/' and ',' and not longer than 60 characters.`)
    let known = false
    await writeTags(nova, ctx, id, 'update', (tags) => {
      known = tags.includes(tag)
      return [...tags, tag]
    })
    return known ? { status: 204 } : { status: 201, headers: { Location: `${baseUrl}/servers/${id}/tags/${encodeURIComponent(tag)}` } }
  },
  async deleteTag({ ctx, params: { server_id: id, tag } }) {
    await writeTags(nova, ctx, id, 'delete', (tags) => {
      if (!tags.includes(tag)) throw new NotFound(`Server ${id} has no tag '${tag}'`)
      return tags.filter((each) => each !== tag)
    })
    return { status: 204 }
  },
})
