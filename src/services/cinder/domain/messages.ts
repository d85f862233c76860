// Telling an owner what went wrong with their volume, in upstream's form of a user message.
import type { Db } from '#core/db'
import type { OperationFault, OperationRun } from '#core/operations'
import { insertMessage } from '../db/messages.ts'
import type { CinderTables } from '../db/tables.ts'
import type { Cinder } from './cinder.ts'

/** Upstream's numbers of actions (cinder/message/message_field.py). */
export const messageActions = {
  'schedule allocate volume': '001', 'copy image to volume': '005', 'extend volume': '007', 'create volume': '012', 'delete volume': '018', 'update attachment': '004',
} as const
export type MessageAction = keyof typeof messageActions

export async function tellOwner(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<unknown>, about: { projectId: string; volumeId: string; action: MessageAction }, fault: Pick<OperationFault, 'message' | 'code'>): Promise<void> {
  const now = cinder.clock.now()
  const noBackend = fault.code === 'cinder.no_valid_backend'
  await insertMessage(tx, {
    id: cinder.ids.uuid(), project_id: about.projectId, request_id: run.ctx.requestId, resource_type: 'VOLUME', resource_uuid: about.volumeId,
    event_id: `VOLUME_VOLUME_${messageActions[about.action]}_${noBackend ? '003' : '001'}`, message_level: 'ERROR',
    user_message: `${about.action}: ${fault.message}`.slice(0, 1000),
    created_at: now.toISOString(), expires_at: new Date(now.getTime() + cinder.settings.message_ttl * 1000).toISOString(),
  })
}
