// What can be done to a server: `POST /servers/:id/action` with one key that names it.
import { Closed, defineRoutes, deferred, Nullable, type TSchema, Type, versioned } from '#core/spec'
import { Ipv4, Ipv6, ResourceName, ServerParams } from './schemas.ts'

const path = '/servers/:server_id/action'
const anything = Type.Unknown()

/** Accepted; done later. */
function action<const A extends string, S extends TSchema>(name: A, value: S, rule: string, summary: string, faults: readonly number[] = [400, 403, 404, 409]) {
  return {
    method: 'POST', path, action: name, policy: deferred(rule), summary, params: ServerParams,
    body: Type.Unsafe<Readonly<Record<A, unknown>>>(Closed({ [name]: value })), reply: { 202: null }, faults,
  } as const
}

const rebootKinds = ['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft'].map((kind) => Type.Literal(kind))
const group = Closed({ name: ResourceName })

export const serverActionRoutes = defineRoutes('nova', {
  startServer: action('os-start', anything, 'os_compute_api:servers:start', 'Start a server that is off.'),
  stopServer: action('os-stop', anything, 'os_compute_api:servers:stop', 'Shut a server down.'),
  rebootServer: action('reboot', Closed({ type: Type.Union(rebootKinds) }), 'os_compute_api:servers:reboot', 'Reboot a server, softly or hard.'),
  lockServer: {
    method: 'POST', path, action: 'lock', policy: deferred('os_compute_api:os-lock-server:lock'), summary: 'Lock a server.', params: ServerParams,
    body: versioned({
      '2.1': Type.Unsafe<{ readonly lock: unknown }>(Closed({ lock: anything })),
      '2.73': Type.Unsafe<{ readonly lock: unknown }>(Closed({ lock: Nullable(Closed({ locked_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) })) })),
    }),
    reply: { 202: null }, faults: [400, 403, 404],
  },
  unlockServer: action('unlock', anything, 'os_compute_api:os-lock-server:unlock', 'Unlock a server.'),
  resetState: action('os-resetState', Closed({ state: Type.Union([Type.Literal('active'), Type.Literal('error')]) }), 'os_compute_api:os-admin-actions:reset_state', 'Say what state a server is in.'),
  addSecurityGroup: action('addSecurityGroup', group, 'os_compute_api:os-security-groups:add', "Put a server's ports into a security group."),
  removeSecurityGroup: action('removeSecurityGroup', group, 'os_compute_api:os-security-groups:remove', "Take a server's ports out of a security group."),
  addFixedIp: {
    ...action('addFixedIp', Closed({ networkId: Type.Union([Type.String({ minLength: 1, maxLength: 36 }), Type.Number()]) }), 'os_compute_api:os-multinic:add', "Give a server's port one more address of a network."),
    until: '2.43',
  },
  removeFixedIp: { ...action('removeFixedIp', Closed({ address: Type.Union([Ipv4, Ipv6]) }), 'os_compute_api:os-multinic:remove', 'Take an address from a server.'), until: '2.43' },
  forceDeleteServer: action('forceDelete', anything, 'os_compute_api:os-deferred-delete:force', 'Delete a server.'),
  getConsoleOutput: {
    method: 'POST', path, action: 'os-getConsoleOutput', policy: deferred('os_compute_api:os-console-output'), summary: "Read a server's serial console.", params: ServerParams,
    body: Closed({
      'os-getConsoleOutput': Closed({ length: Type.Optional(Type.Union([Type.Integer({ minimum: -1 }), Type.String({ pattern: '^(-1|[0-9]{1,9})$' }), Type.Null()])) }),
    }),
    reply: { 200: Closed({ output: Type.String() }) }, faults: [400, 403, 404, 409, 501],
  },
})
