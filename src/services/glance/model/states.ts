// The states of an image. It is saving only while an upload, a living operation, owns it.
import { defineMachine } from '#core/state'

export const imageMachine = defineMachine({
  states: ['queued', 'saving', 'active', 'deactivated'],
  initial: 'queued',
  stable: ['queued', 'active', 'deactivated'],
  events: {
    upload: { from: ['queued'], to: 'saving' },
    uploaded: { from: ['saving'], to: 'active' },
    /** The upload was cut off or refused: its bytes are gone, and another may come. */
    reset: { from: ['saving'], to: 'queued' },
    deactivate: { from: ['active', 'deactivated'], to: 'deactivated' },
    reactivate: { from: ['deactivated', 'active'], to: 'active' },
  },
})
