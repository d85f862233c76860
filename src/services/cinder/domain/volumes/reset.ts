// An administrator says what state a volume is in. What was under way with it is called off.
import { attachmentsOf, deleteAttachment } from '../../db/attachments.ts'
import { updateVolume } from '../../db/volumes.ts'
import { InvalidInput } from '../../model/errors.ts'
import type { Volume } from '../../model/volume.ts'
import { type AttachStatus, volumeMachine } from '../../model/volume-states.ts'
import type { Allowed, Cinder } from '../cinder.ts'

const attachStatuses: readonly AttachStatus[] = ['attaching', 'attached', 'detached', 'reserved', 'error_attaching', 'detaching']

/**
 * As upstream (cinder/api/contrib/admin_actions.py), an administrator may also claim what no operation works on: such a volume
 * waits for the next word of an administrator, or is deleted by force.
 */
const claimed = new Set(['creating', 'deleting'])

/** @throws InvalidInput for a state that nobody may be put into */
export async function resetStatus(cinder: Cinder, volume: Allowed<Volume>, asked: { status?: string; attachStatus?: string }): Promise<void> {
  const { status, attachStatus } = asked
  if (status !== undefined && !volumeMachine.isState(status)) throw new InvalidInput(`Invalid input received: ${status.slice(0, 80)} is not a status of volumes.`)
  if (attachStatus !== undefined && !(attachStatuses as readonly string[]).includes(attachStatus)) {
    throw new InvalidInput(`Invalid input received: ${attachStatus.slice(0, 80)} is not an attach status of volumes.`)
  }
  if (status !== undefined && !volumeMachine.isStable(status) && !claimed.has(status)) throw new InvalidInput(`Invalid input received: Cannot reset-state to ${status}`)
  await cinder.database.transaction(async (tx) => {
    const uses = await attachmentsOf(tx, [volume.id])
    if (status === 'in-use' && uses.length === 0) {
      throw new InvalidInput('Invalid input received: Cannot reset-state to in-use because volume does not have any attachments.')
    }
    if (status !== undefined) await cinder.operations.cancel(tx, volume.id)
    await updateVolume(tx, volume.id, {
      updated_at: cinder.clock.now().toISOString(), ...(status !== undefined && { status }), ...(attachStatus !== undefined && { attach_status: attachStatus as AttachStatus }),
    })
    if (attachStatus === 'detached') for (const use of uses) await deleteAttachment(tx, use.id)
  })
}
