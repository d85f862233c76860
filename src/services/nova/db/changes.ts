// What of a cell's rows is a state: each change of it leaves an event.
import { changesOf } from '#core/db'
import { operationChanges } from '#core/operations'

export const cellChanges = [
  ...operationChanges,
  ...changesOf({
    type: 'server', table: 'instances', id: 'uuid', project: 'project_id', name: 'display_name', states: ['vm_state', 'task_state', 'power_state'],
    internals: { host: 'host' }, deletedWhen: { column: 'vm_state', is: 'deleted' },
  }),
]
