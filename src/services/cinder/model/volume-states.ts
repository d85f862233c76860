// The states of a volume, as upstream names them, and what leads from one to the other.
import { defineMachine, type StateOf } from '#core/state'

export const volumeMachine = defineMachine({
  states: [
    'creating', 'downloading', 'available', 'reserved', 'attaching', 'in-use', 'detaching', 'extending', 'deleting',
    'error', 'error_deleting', 'error_extending', 'maintenance',
  ],
  initial: 'creating',
  // Reserved, attaching and detaching belong to whoever attaches; in the other unstable ones an operation owns the volume.
  stable: ['available', 'reserved', 'attaching', 'in-use', 'detaching', 'error', 'error_deleting', 'error_extending', 'maintenance'],
  events: {
    download: { from: ['creating'], to: 'downloading' },
    created: { from: ['creating', 'downloading'], to: 'available' },
    create_failed: { from: ['creating', 'downloading'], to: 'error' },
    /** The attachment API's claim. */
    reserve: { from: ['available'], to: 'reserved' },
    reserve_again: { from: ['available', 'in-use'], to: 'reserved' },
    connect: { from: ['reserved', 'in-use', 'attaching', 'available'], to: 'attaching' },
    attached: { from: ['available', 'reserved', 'attaching', 'in-use'], to: 'in-use' },
    /** os-reserve, the older claim. */
    claim: { from: ['available'], to: 'attaching' },
    claim_again: { from: ['available', 'in-use'], to: 'attaching' },
    begin_detaching: { from: ['in-use'], to: 'detaching' },
    roll_detaching: { from: ['detaching'], to: 'in-use' },
    /** One of several uses ended, or a connection failed: what is left says where the volume stands. */
    still_used: { from: ['reserved', 'attaching', 'in-use', 'detaching'], to: 'in-use' },
    still_connecting: { from: ['reserved', 'attaching', 'in-use', 'detaching'], to: 'attaching' },
    still_reserved: { from: ['reserved', 'attaching', 'in-use', 'detaching'], to: 'reserved' },
    released: { from: ['reserved', 'attaching', 'in-use', 'detaching'], to: 'available' },
    /** The last use of a volume ended that an administrator had put into error meanwhile. */
    released_in_error: { from: ['error'], to: 'available' },
    extend: { from: ['available'], to: 'extending' },
    extend_attached: { from: ['in-use'], to: 'extending' },
    extended: { from: ['extending'], to: 'available' },
    extended_attached: { from: ['extending'], to: 'in-use' },
    extend_failed: { from: ['extending'], to: 'error_extending' },
    remove: { from: ['available', 'error', 'error_extending', 'error_deleting'], to: 'deleting' },
    force_remove: { from: 'any', to: 'deleting' },
    remove_failed: { from: ['deleting'], to: 'error_deleting' },
    maintain: { from: ['available'], to: 'maintenance' },
  },
})

export type VolumeStatus = StateOf<typeof volumeMachine>

/** What happened to the volume as a whole; each attachment has a status of its own. */
export type AttachStatus = 'detached' | 'reserved' | 'attaching' | 'attached' | 'error_attaching' | 'detaching'
