// What failed says so to whoever it belongs to: which part of the work it was, and why.
import { operationDatabases, type Row, type Rows, type Say } from './rows.ts'

/** As nova words it; what the scheduler says comes first in upstream's own words. */
const ofServer = /^(No valid host was found\. There are not enough hosts available\..|The [a-z ]+ of the server failed (while |at the step )[^:]+: .)/
/** As cinder words it: what was to be done, and what became of it. */
const ofVolume = /^[a-z ]+: ./

/** Nothing that only says that something is wrong. */
function saysWhy(message: unknown, form: RegExp): message is string {
  return typeof message === 'string' && form.test(message) && !/undefined|\[object|null$/.test(message)
}

interface Fault {
  readonly step?: string
  readonly status?: number
  readonly code?: string
  readonly message?: string
  readonly causes?: readonly string[]
  readonly cancelled?: boolean
}

const unexpected = 'An unexpected error occurred.'

/** An operation that failed knows the step and the reason; where its owner is told nothing of the reason, operators are. */
function isWhole({ step, status, code, message, causes = [] }: Fault): boolean {
  const known = [step, code, message].every((each) => typeof each === 'string' && each !== '')
  return known && status !== undefined && status >= 400 && status < 600 && (message !== unexpected || causes.length > 0)
}

const faultOf = (operation: Row): Fault => JSON.parse(operation['fault'] ?? '{}') as Fault
const isBroken = (operation: Row) => operation['status'] === 'failed' && faultOf(operation).cancelled !== true

export async function faultsAreTold(rows: Rows, say: Say): Promise<void> {
  for (const database of operationDatabases) {
    for (const operation of await rows.of(database, 'operations')) {
      if (operation['status'] === 'failed' && !isWhole(faultOf(operation))) say(`operation ${operation['kind']} ${operation['id']} of ${operation['resource_id']} failed and does not say where and why: ${operation['fault']}`)
    }
  }
  for (const cell of ['nova_cell0', 'nova_cell1']) await serversTell(rows, cell, say)
  await volumesTell(rows, say)
}

async function serversTell(rows: Rows, cell: string, say: Say): Promise<void> {
  const servers = new Map((await rows.of(cell, 'instances')).filter((row) => row['deleted'] === 0).map((row) => [row['uuid'], row]))
  const faults = (await rows.of(cell, 'instance_faults')).filter((fault) => servers.has(fault['instance_uuid']))
  for (const fault of faults) if (!saysWhy(fault['message'], ofServer)) say(`the fault of server ${fault['instance_uuid']} does not say where and why: ${JSON.stringify(fault['message'])}`)
  for (const [id, server] of servers) {
    if (server['vm_state'] === 'error' && !faults.some((fault) => fault['instance_uuid'] === id)) say(`server ${id} is in error and says nothing of it`)
  }
  const actions = (await rows.of(cell, 'instance_actions')).filter((action) => servers.has(action['instance_uuid']))
  const events = await rows.of(cell, 'instance_actions_events')
  for (const action of actions) {
    const failed = events.filter((event) => event['action_id'] === action['id'] && event['result'] === 'Error')
    for (const event of failed) if (!saysWhy(event['details'], ofServer)) say(`the event ${event['event']} of server ${action['instance_uuid']} does not say where and why it failed: ${JSON.stringify(event['details'])}`)
    const told = action['message'] !== null
    if (told !== failed.length > 0 || (told && !saysWhy(action['message'], ofServer))) say(`the action ${action['action']} of server ${action['instance_uuid']} says ${JSON.stringify(action['message'])}, and ${failed.length} of its events failed`)
  }
  for (const operation of (await rows.of(cell, 'operations')).filter(isBroken)) {
    const own = actions.filter((action) => action['instance_uuid'] === operation['resource_id'] && action['request_id'] === operation['request_id'])
    if (own.length > 0 && own.every((action) => action['message'] === null)) say(`operation ${operation['kind']} of server ${operation['resource_id']} failed, and its action does not say so`)
  }
}

async function volumesTell(rows: Rows, say: Say): Promise<void> {
  const messages = await rows.of('cinder', 'messages')
  const volumes = await rows.of('cinder', 'volumes')
  for (const message of messages) if (!saysWhy(message['user_message'], ofVolume)) say(`the message about volume ${message['resource_uuid']} does not say where and why: ${JSON.stringify(message['user_message'])}`)
  for (const { id, status } of volumes) {
    if (String(status).startsWith('error') && !messages.some((message) => message['resource_uuid'] === id)) say(`volume ${id} is in ${status} and says nothing of it`)
  }
  for (const operation of (await rows.of('cinder', 'operations')).filter(isBroken)) {
    const volume = volumes.find(({ id }) => id === operation['resource_id'])
    const told = messages.some((message) => message['resource_uuid'] === operation['resource_id'] && message['request_id'] === operation['request_id'])
    if (volume && String(operation['kind']).startsWith('volume.') && !told) say(`operation ${operation['kind']} of volume ${volume['id']} failed, and its owner was not told`)
  }
}
