// What upstream has taken out of the API and still names, so that clients learn that it is gone for good (HTTPGone in nova/api/openstack/compute).
// Of nova-network: cloudpipe, fixed and floating addresses, default rules. Of Xen: agents, consoles. Of cells of the first kind, and of EC2: certificates.
import { authenticated, defineRoutes, type RouteSpec } from '#core/spec'

const removed: Readonly<Record<string, readonly RouteSpec['method'][]>> = {
  '/os-agents': ['GET', 'POST'],
  '/os-agents/:id': ['PUT', 'DELETE'],
  '/os-cells': ['GET', 'POST'],
  '/os-cells/capacities': ['GET'],
  '/os-cells/detail': ['GET'],
  '/os-cells/info': ['GET'],
  '/os-cells/sync_instances': ['POST'],
  '/os-cells/:id': ['GET', 'PUT', 'DELETE'],
  '/os-cells/:id/capacities': ['GET'],
  '/os-certificates': ['POST'],
  '/os-certificates/:id': ['GET'],
  '/os-cloudpipe': ['GET', 'POST'],
  '/os-cloudpipe/:id': ['PUT'],
  '/os-fixed-ips/:id': ['GET'],
  '/os-fixed-ips/:id/action': ['POST'],
  '/os-floating-ip-dns': ['GET'],
  '/os-floating-ip-dns/:id': ['PUT', 'DELETE'],
  '/os-floating-ip-dns/:domain_id/entries/:id': ['GET', 'PUT', 'DELETE'],
  '/os-floating-ips-bulk': ['GET', 'POST'],
  '/os-floating-ips-bulk/:id': ['GET', 'PUT'],
  '/os-fping': ['GET'],
  '/os-fping/:id': ['GET'],
  '/os-security-group-default-rules': ['GET', 'POST'],
  '/os-security-group-default-rules/:id': ['GET', 'DELETE'],
  '/servers/:server_id/consoles': ['GET', 'POST'],
  '/servers/:server_id/consoles/:id': ['GET', 'DELETE'],
  '/servers/:server_id/os-virtual-interfaces': ['GET'],
}

const gone = { policy: authenticated, summary: 'Gone for good.', reply: {}, faults: [410] } as const

const nameOf = (method: string, path: string): string => `removed${[method.toLowerCase(), ...path.split(/[^a-z]+/)].map((part) => part.slice(0, 1).toUpperCase() + part.slice(1)).join('')}`

const routes: Readonly<Record<string, RouteSpec>> = {
  ...Object.fromEntries(Object.entries(removed).flatMap(([path, methods]) => methods.map((method): [string, RouteSpec] => [nameOf(method, path), { method, path, ...gone }]))),
  removedResetNetwork: { method: 'POST', path: '/servers/:server_id/action', action: 'resetNetwork', ...gone },
}

export const removedRoutes = defineRoutes('nova', routes)
