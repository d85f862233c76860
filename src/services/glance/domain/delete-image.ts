// Deleting an image: its record goes at once, what uploads to it is called off, its bytes are freed by an operation.
import type { RequestContext } from '#core/context'
import { Forbidden } from '#core/errors'
import { defineOperation, pivot } from '#core/operations'
import { Type, Uuid } from '#core/spec'
import { deleteImage as deleteRows } from '../db/images.ts'
import { noImageToDelete } from '../model/errors.ts'
import { authorize, seeImage } from './access.ts'
import type { Glance } from './glance.ts'

export const removeBitsOperation = defineOperation<Glance, { bits: string }>('image.remove-bits', {
  input: Type.Object({ bits: Uuid }), deadlineSeconds: 3600, onCrash: 'resume',
  steps: [pivot('remove', { run: (glance, { input }) => glance.store.remove(input.bits) })],
})

export async function deleteImage(glance: Glance, ctx: RequestContext, id: string): Promise<void> {
  await glance.database.transaction(async (tx) => {
    const seen = await seeImage(glance, tx, ctx, id, noImageToDelete)
    authorize(glance, ctx, 'delete_image', seen)
    const { image } = seen
    if (image.isProtected) throw new Forbidden(`Image ${id} is protected and cannot be deleted.`)
    await deleteRows(tx, id)
    // An upload under way frees its bytes in its own undo.
    await glance.operations.cancel(tx, id)
    if (image.bits !== null) await glance.operations.begin(tx, ctx, removeBitsOperation, { resourceId: image.bits, input: { bits: image.bits } })
  })
}
