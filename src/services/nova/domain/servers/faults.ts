// What went wrong with a server, said twice: for its owner which part of the work, and why; for operators what lay behind it.
import type { Selectable } from '#core/db'
import type { OperationFault } from '#core/operations'
import type { EventNote } from '../../db/actions.ts'
import type { FaultRow } from '../../db/cell-tables.ts'

const parts: Readonly<Record<string, string>> = {
  schedule: 'while a host was chosen for it',
  claim: 'while the chosen host took it',
  'create-in-cell': 'while it was written down',
  'create-volumes': 'while its volumes were made',
  'create-ports': 'while its ports were made',
  'prepare-image': 'while its image was fetched',
  'connect-volumes': 'while its volumes were connected',
  'await-ports': 'while it waited for its network',
  spawn: 'while its guest was started',
}

/** Services that are asked for nova itself, not for its user: what they answer is about the inside of the cloud. */
const inner: Readonly<Record<string, string>> = { 'remote.placement': 'The placement service refused it.' }

export function faultMessage(work: string, fault: OperationFault): string {
  const why = inner[fault.code] ?? fault.message
  // Upstream's own words come first here: clients look for them.
  if (fault.code === 'nova.no_valid_host') return why.slice(0, 1000)
  return `The ${work} of the server failed ${parts[fault.step] ?? `at the step ${fault.step}`}: ${why.replace(/[^.]$/, '$&.')}`.slice(0, 1000)
}

/** The causes, and what the owner was told in other words. */
function behind({ code, message, causes = [] }: OperationFault): string | null {
  const lines = [...(inner[code] === undefined ? [] : [message]), ...causes]
  return lines.length === 0 ? null : lines.join('\n')
}

/** The fault that its owner sees; `details` are for admins, and as upstream kept only of what the cloud failed at itself (nova/compute/utils.py). */
export function toFault(serverId: string, work: string, fault: OperationFault, host: string | null, at: string): Omit<Selectable<FaultRow>, 'id'> {
  const code = fault.status >= 400 && fault.status < 600 ? fault.status : 500
  return { instance_uuid: serverId, code, message: faultMessage(work, fault), details: code >= 500 ? behind(fault) : null, host, created_at: at }
}

/** What an event, and with it its action, says of it; details and traceback are each shown to whom policy allows. */
export function toFailedEvent(work: string, fault: OperationFault): Pick<EventNote, 'result' | 'message' | 'details' | 'traceback'> {
  const causes = behind(fault)
  const message = faultMessage(work, fault)
  return { result: 'Error', message, details: causes === null ? message : `${message}\n${causes}`, ...(causes !== null && { traceback: causes }) }
}
