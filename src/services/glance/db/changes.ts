// What of glance's rows is a state: each change of it leaves an event.
import { changesOf } from '#core/db'
import { operationChanges } from '#core/operations'

export const glanceChanges = [
  ...operationChanges,
  ...changesOf({ type: 'image', table: 'images', id: 'id', project: 'owner', name: 'name', states: ['status', 'visibility'] }),
]
