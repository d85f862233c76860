// What people want of volumes and images.
import type { Entry } from '../ledger.ts'
import { act, type Actor, change, create, heed, type Intent, remove, some } from './actor.ts'

const createVolume: Intent = async (actor) => {
  const { dice, template, person } = actor
  await create(actor, 'volume', 'cinder', `/v3/${person.projectId}/volumes`, {
    volume: { size: 1 + dice.integer(3), name: `volume-${dice.integer(1000)}`, ...(dice.happens(0.3) && { imageRef: template.imageId }) },
  })
}

const deleteVolume: Intent = async (actor) => {
  const volume = some(actor, 'volume')
  if (volume) await remove(actor, volume, 'cinder', `/v3/${actor.person.projectId}/volumes/${volume.id}`)
}

const renameVolume: Intent = async (actor) => {
  const volume = some(actor, 'volume')
  if (!volume) return
  const name = `renamed-${actor.dice.integer(1000)}`
  await change(actor, volume, { name }, 'cinder', `/v3/${actor.person.projectId}/volumes/${volume.id}`, { volume: { name } })
}

/** From 3.42 on also while a server has it; this backend cannot. */
const growVolume: Intent = async (actor) => {
  const volume = some(actor, 'volume')
  if (!volume) return
  const path = `/v3/${actor.person.projectId}/volumes/${volume.id}`
  const size = 3 + actor.dice.integer(4)
  await act(actor, volume, 'cinder', 'POST', `${path}/action`, { 'os-extend': { new_size: size } }, actor.dice.happens(0.3) ? { 'openstack-api-version': 'volume 3.42' } : {})
}

async function upload(actor: Actor, image: Entry, bytes: string): Promise<void> {
  const answered = actor.ledger.changes.ask({ noun: 'image', id: image.id, of: 'bytes' }, bytes)
  const reply = await actor.person.call('glance', 'PUT', `/v2/images/${image.id}/file`, bytes, { 'content-type': 'application/octet-stream' })
  heed(actor, reply)
  answered(reply)
}

const createImage: Intent = async (actor) => {
  const id = await create(actor, 'image', 'glance', '/v2/images', { name: `image-${actor.dice.integer(1000)}`, disk_format: 'raw', container_format: 'bare' } as never)
  const image = id === undefined ? undefined : actor.ledger.find(id)
  if (image && actor.dice.happens(0.85)) await upload(actor, image, `the bytes of ${id}`)
}

const uploadImage: Intent = async (actor) => {
  const image = some(actor, 'image')
  if (image) await upload(actor, image, `other bytes of ${image.id}`)
}

const readImage: Intent = async (actor) => {
  const image = some(actor, 'image')
  if (!image) return
  const reply = await actor.person.call('glance', 'GET', `/v2/images/${image.id}/file`)
  if (reply.status === 200 && !String(reply.body).endsWith(`bytes of ${image.id}`)) actor.violated(`the image ${image.id} answered other bytes than were put: ${String(reply.body).slice(0, 60)}`)
}

const deleteImage: Intent = async (actor) => {
  const image = some(actor, 'image')
  if (image) await remove(actor, image, 'glance', `/v2/images/${image.id}`)
}

export const storageIntents: Readonly<Record<string, readonly [weight: number, Intent]>> = {
  'create a volume': [6, createVolume],
  'delete a volume': [4, deleteVolume],
  'rename a volume': [1, renameVolume],
  'grow a volume': [3, growVolume],
  'create an image': [2, createImage],
  'upload an image again': [1, uploadImage],
  'read an image': [1, readImage],
  'delete an image': [1, deleteImage],
}
