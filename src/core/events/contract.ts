// What each service answers below /v1 beside its own API, and the joined front for all of them: operations and events.
import { authenticated, Closed, defineRoutes, deferred, Identifier, listQuery, Nullable, type Static, stream, Type } from '#core/spec'

const Fault = Closed({ step: Type.String(), status: Type.Integer(), code: Type.String(), message: Type.String(), cancelled: Type.Boolean() })

const Resource = Closed({ type: Type.String(), id: Type.String(), name: Type.Optional(Type.String()) })

const operation = {
  id: Type.String(), kind: Type.String(), resource: Resource, project_id: Nullable(Type.String()), request_id: Type.String(),
  /** `pending`, `running`, `undoing`, and at its end `done`, `failed` or `cancelled`. */
  status: Type.String(), fault: Nullable(Fault),
  created_at: Type.String(), deadline_at: Type.String(), finished_at: Nullable(Type.String()),
  /** For admins: who holds it, and under which number of the lease. */
  lease: Type.Optional(Closed({ owner: Nullable(Type.String()), until: Nullable(Type.String()), epoch: Type.Integer() })),
}

const Operation = Closed(operation)
export type Operation = Static<typeof Operation>

const Step = Closed({
  step: Type.String(), phase: Type.String(), attempt: Type.Integer(), status: Type.String(), started_at: Type.String(), ended_at: Nullable(Type.String()),
  /** For admins: why this try failed. */
  error: Type.Optional(Type.Unknown()),
})

const OperationWithSteps = Closed({ ...operation, steps: Type.Array(Step) })
export type OperationWithSteps = Static<typeof OperationWithSteps>

const Flag = Type.Optional(Type.Boolean())

const EventQuery = Closed({
  cursor: Type.Optional(Type.String({ maxLength: 4096 })),
  resource: Type.Optional(Identifier),
  operation: Type.Optional(Identifier),
  type: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 })),
  project_id: Type.Optional(Identifier),
  all_projects: Flag,
})
export type EventQuery = Static<typeof EventQuery>

/** What the data of an event in the stream is. States are objects; what they hold depends on the type. */
export interface EventView {
  readonly id: string
  readonly time: string
  readonly type: string
  readonly project_id: string | null
  readonly resource: { readonly type: string; readonly id: string; readonly name?: string }
  readonly before: Readonly<Record<string, unknown>> | null
  readonly after: Readonly<Record<string, unknown>> | null
  readonly related: Readonly<Record<string, string | null>>
  readonly operation_id: string | null
  readonly request_id: string | null
  /** For admins. */
  readonly internals?: Readonly<Record<string, unknown>>
}

const routes = {
  listOperations: {
    method: 'GET', path: '/operations', policy: deferred('nimbo:operations:list', 'nimbo:all_projects'), summary: 'List operations, the newest first.',
    query: listQuery({
      sort: [], strict: true,
      filters: {
        resource: Type.Optional(Identifier), kind: Type.Optional(Identifier), status: Type.Optional(Identifier), open: Flag,
        project_id: Type.Optional(Identifier), all_projects: Flag,
      },
    }),
    reply: {
      200: Closed({
        operations: Type.Array(Operation),
        operations_links: Type.Optional(Type.Array(Closed({ rel: Type.String(), href: Type.String() }))),
        /** Services that could not be asked; their operations are missing. */
        unavailable: Type.Optional(Type.Array(Type.String())),
      }),
    },
    faults: [400, 401, 403],
  },
  showOperation: {
    method: 'GET', path: '/operations/:id', policy: deferred('nimbo:operations:get'), summary: 'Show an operation with its steps.',
    reply: { 200: Closed({ operation: OperationWithSteps }) }, faults: [401, 404],
  },
  watchEvents: {
    method: 'GET', path: '/events', policy: deferred('nimbo:events:watch', 'nimbo:all_projects', 'nimbo:internals'),
    summary: 'A stream of server-sent events: every change of a state, from the cursor on, or from now on.',
    query: EventQuery, reply: { 200: stream }, faults: [400, 401, 403, 429],
  },
} as const

export const explainRoutes = defineRoutes('nimbo', routes)

/** Between services: a create that may still be on its way shall not happen any more. */
export const requestRoutes = defineRoutes('nimbo', {
  takeBackRequest: {
    method: 'DELETE', path: '/requests', policy: 'nimbo:requests:take_back',
    summary: 'Take back the create that carries the Idempotency-Key of this request. The answer says what it has made; null where it has not come yet, and then it is refused when it comes.',
    reply: { 200: Closed({ made: Type.Unknown() }) }, faults: [400, 401, 403],
  },
})

/** The front asks each service with the token as it came, and the services judge it. */
export const frontRoutes = defineRoutes('nimbo', {
  listOperations: { ...routes.listOperations, policy: authenticated },
  showOperation: { ...routes.showOperation, policy: authenticated, faults: [401, 404, 503] },
  watchEvents: { ...routes.watchEvents, policy: authenticated },
})
