// An administrator says what state a volume is in. What was under way with it is called off.
import { BadRequest } from '#core/errors'
import { attachmentsOf, deleteAttachment } from '../../db/attachments.ts'
import { updateVolume } from '../../db/volumes.ts'
import type { Volume } from '../../model/volume.ts'
import { type AttachStatus, volumeMachine, type VolumeStatus } from '../../model/volume-states.ts'
import type { Allowed, Cinder } from '../cinder.ts'

/** What upstream knows as a status of volumes, in its order (cinder/objects/fields.py); some of it never comes about here. */
const statuses: readonly string[] = [
  'creating', 'available', 'deleting', 'error', 'error_deleting', 'error_managing', 'managing', 'attaching', 'in-use', 'detaching', 'maintenance', 'restoring-backup',
  'error_restoring', 'reserved', 'awaiting-transfer', 'backing-up', 'error_backing-up', 'error_extending', 'downloading', 'uploading', 'retyping', 'extending',
]
const attachStatuses: readonly string[] = ['attached', 'detached']
const migrationStatuses: readonly string[] = ['migrating', 'error', 'success', 'completing', 'none', 'starting']

export interface AskedStatus {
  readonly status?: string | null
  readonly attach_status?: string | null
  readonly migration_status?: string | null
}

/**
 * As upstream words it, before it looks for the volume (cinder/api/validation/validators.py).
 *
 * @throws BadRequest for what is no status, or for none
 */
export function checkAskedStatus({ status, attach_status: attachStatus, migration_status: migrationStatus }: AskedStatus): void {
  if (!status && !attachStatus && !migrationStatus) throw new BadRequest("Must specify 'status', 'attach_status' or 'migration_status' for update.")
  refuseUnknown('Volume status', status, statuses, '(', ')')
  refuseUnknown('Volume attach status', attachStatus, attachStatuses, '[', ']')
  refuseUnknown('Volume migration status', migrationStatus, migrationStatuses, '(', ')')
}

function refuseUnknown(what: string, asked: string | null | undefined, known: readonly string[], open: string, close: string): void {
  if (!asked || known.includes(asked.toLowerCase())) return
  throw new BadRequest(`${what}: ${asked.slice(0, 80)} is invalid, valid statuses are: ${open}${known.map((each) => `'${each}'`).join(', ')}${close}.`)
}

/**
 * @throws BadRequest for a state that nobody may be put into. As upstream, an administrator may claim that a volume is being made, though no
 * operation makes it: such a volume waits for the next word of an administrator, or is deleted by force.
 */
export async function resetStatus(cinder: Cinder, volume: Allowed<Volume>, asked: AskedStatus): Promise<void> {
  const [status, attachStatus] = [asked.status?.toLowerCase() || undefined, asked.attach_status?.toLowerCase() || undefined]
  if (status !== undefined && status !== 'creating' && !(volumeMachine.isState(status) && volumeMachine.isStable(status))) throw new BadRequest(`Cannot reset-state to ${status}`)
  await cinder.database.transaction(async (tx) => {
    const uses = await attachmentsOf(tx, [volume.id])
    if (status === 'in-use' && uses.length === 0) {
      throw new BadRequest('Cannot reset-state to in-use because volume does not have any attachments.')
    }
    if (status !== undefined) await cinder.operations.cancel(tx, volume.id)
    await updateVolume(tx, volume.id, {
      updated_at: cinder.clock.now().toISOString(), ...(status !== undefined && { status: status as VolumeStatus }), ...(attachStatus !== undefined && { attach_status: attachStatus as AttachStatus }),
    })
    if (attachStatus === 'detached') for (const use of uses) await deleteAttachment(tx, use.id)
  })
}
