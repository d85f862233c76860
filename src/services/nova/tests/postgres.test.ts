// The same as on SQLite, where transactions truly meet: several are open at once, and all of them hold.
import { onPostgres } from '../../../app/testing/index.ts'

await onPostgres(() => import('./parallel-groups.test.ts'))
await onPostgres(() => import('./parallel-quotas.test.ts'))
await onPostgres(() => import('./repeated-requests.test.ts'))
