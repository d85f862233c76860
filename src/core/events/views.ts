// Rows of the log and of operations as clients see them.
import type { EventRow } from '#core/db'
import type { OperationRow, OperationStepRow } from '#core/operations'
import type { EventView, Operation, OperationWithSteps } from './contract.ts'

type State = Record<string, unknown>

/** What a service adds to the states of its resources, by their type: the status that its API shows, for instance. */
export type StateViews = Readonly<Record<string, (state: Readonly<State>) => State>>

const parse = (text: string | null): State | null => (text === null ? null : (JSON.parse(text) as State))

export function viewEvent(log: string, row: EventRow, views: StateViews, internals: boolean): EventView {
  const ofOperation = row.type.startsWith('operation.')
  const view = ofOperation ? undefined : views[row.resource_type]
  const state = (text: string | null) => {
    const value = parse(text)
    if (ofOperation && value && 'fault' in value) return { ...value, fault: viewFault(value['fault'] as Fault | null) }
    return value && view ? view(value) : value
  }
  const inner = internals ? innerOf(row) : null
  return {
    id: `${log}-${row.sequence}`, time: new Date(row.time).toISOString(), type: row.type, project_id: row.project_id,
    resource: { type: row.resource_type, id: row.resource_id, ...(row.resource_name !== null && row.resource_name !== '' && { name: row.resource_name }) },
    before: state(row.before), after: state(row.after), related: (parse(row.related) ?? {}) as EventView['related'],
    operation_id: row.operation_id, request_id: row.request_id, ...(inner && { internals: inner }),
  }
}

/** For admins: what the log keeps for them, and what lay behind a fault. */
function innerOf({ internals, after }: EventRow): State | null {
  const causes = (parse(after)?.['fault'] as { causes?: readonly string[] } | null | undefined)?.causes
  return causes ? { ...parse(internals), causes } : parse(internals)
}

type Fault = NonNullable<Operation['fault']>

/** For its owner: what it holds beside these is not. */
const viewFault = (fault: Fault | null): Fault | null =>
  fault && { step: fault.step, status: fault.status, code: fault.code, message: fault.message, cancelled: fault.cancelled }

export function viewOperation(row: OperationRow, internals: boolean): Operation {
  return {
    id: row.id, kind: row.kind, resource: { type: row.kind.split('.')[0] ?? '', id: row.resource_id }, project_id: row.project_id,
    request_id: row.request_id, status: row.status,
    fault: viewFault(parse(row.fault) as Fault | null),
    created_at: row.created_at, deadline_at: row.deadline_at, finished_at: row.finished_at,
    ...(internals && { lease: { owner: row.lease_owner, until: row.lease_until, epoch: row.epoch } }),
  }
}

export function viewSteps(rows: readonly OperationStepRow[], internals: boolean): OperationWithSteps['steps'] {
  return rows.map((row) => ({
    step: row.step, phase: row.phase, attempt: row.attempt, status: row.status, started_at: row.started_at, ended_at: row.ended_at,
    ...(internals && row.error !== null && { error: JSON.parse(row.error) as unknown }),
  }))
}
