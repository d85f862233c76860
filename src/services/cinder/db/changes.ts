// What of cinder's rows is a state: each change of it leaves an event.
import { changesOf } from '#core/db'
import { operationChanges } from '#core/operations'

export const cinderChanges = [
  ...operationChanges,
  ...changesOf({
    type: 'volume', table: 'volumes', id: 'id', project: 'project_id', name: 'display_name', states: ['status', 'attach_status', 'size'], internals: { host: 'host' },
  }),
  ...changesOf({
    type: 'attachment', table: 'volume_attachments', id: 'id', project: 'project_id', states: ['attach_status'],
    related: { volume_id: 'volume_id', server_id: 'instance_uuid' }, internals: { host: 'attached_host' },
  }),
]
