// Flavors: what a server may be made as, and the projects that may use a private one.
import { authenticated, Closed, defineRoutes, Nullable, type Static, Type, versioned } from '#core/spec'
import { Filter, longText, ResourceName } from './schemas.ts'
import { IdParams, Links, NonNegativeInteger, PositiveInteger, Switch } from './values.ts'

const Description = longText(65_535)

const newFlavor = {
  name: ResourceName,
  id: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! )[a-zA-Z0-9. _-]+(?<! )$' }), Type.Number(), Type.Null()])),
  ram: PositiveInteger, vcpus: PositiveInteger, disk: NonNegativeInteger,
  'OS-FLV-EXT-DATA:ephemeral': Type.Optional(NonNegativeInteger),
  swap: Type.Optional(NonNegativeInteger),
  rxtx_factor: Type.Optional(Type.Union([
    Type.Number({ exclusiveMinimum: 0, maximum: 3.402_82e38 }), Type.String({ pattern: '^(?=.*[1-9])[0-9]+(\\.[0-9]+)?$', maxLength: 40 }),
  ])),
  'os-flavor-access:is_public': Type.Optional(Switch),
}

const NewFlavor = Closed({ flavor: Closed(newFlavor) })
const NewFlavorWithDescription = Closed({ flavor: Closed({ ...newFlavor, description: Type.Optional(Description) }) })
export type NewFlavorWire = Static<typeof NewFlavorWithDescription>['flavor']

/** One schema for all versions: what each shows is decided in the view. */
const FlavorBody = Closed({
  id: Type.String(), name: Type.String(), ram: Type.Integer(), vcpus: Type.Integer(), disk: Type.Integer(),
  'OS-FLV-EXT-DATA:ephemeral': Type.Integer(), 'OS-FLV-DISABLED:disabled': Type.Boolean(), 'os-flavor-access:is_public': Type.Boolean(),
  swap: Type.Union([Type.Integer(), Type.Literal('')]), rxtx_factor: Type.Number(), links: Links,
  description: Type.Optional(Nullable(Type.String())), extra_specs: Type.Optional(Type.Record(Type.String(), Type.String())),
})
export type FlavorBody = Static<typeof FlavorBody>
const BriefFlavor = Closed({ id: Type.String(), name: Type.String(), links: Links, description: Type.Optional(Nullable(Type.String())) })
const OneFlavor = Closed({ flavor: FlavorBody })

export const flavorSortKeys = [
  'flavorid', 'created_at', 'description', 'disabled', 'ephemeral_gb', 'id', 'is_public', 'memory_mb', 'name', 'root_gb', 'rxtx_factor', 'swap',
  'updated_at', 'vcpu_weight', 'vcpus',
] as const

const filters = { limit: Filter, marker: Filter, is_public: Filter, minRam: Filter, minDisk: Filter, sort_key: Filter, sort_dir: Filter }
const flavorQuery = versioned({ '2.1': Type.Object(filters, { additionalProperties: true }), '2.75': Closed(filters) })

export const flavorRoutes = defineRoutes('nova', {
  listFlavors: {
    method: 'GET', path: '/flavors', policy: authenticated, summary: 'Names of the flavors that the project may use.',
    query: flavorQuery, reply: { 200: Closed({ flavors: Type.Array(BriefFlavor), flavors_links: Type.Optional(Links) }) }, faults: [400, 401],
  },
  listFlavorsInDetail: {
    method: 'GET', path: '/flavors/detail', policy: authenticated, summary: 'The flavors that the project may use.',
    query: flavorQuery, reply: { 200: Closed({ flavors: Type.Array(FlavorBody), flavors_links: Type.Optional(Links) }) }, faults: [400, 401],
  },
  showFlavor: {
    method: 'GET', path: '/flavors/:id', policy: authenticated, summary: 'One flavor.',
    params: IdParams, reply: { 200: OneFlavor }, faults: [401, 404],
  },
  createFlavor: {
    method: 'POST', path: '/flavors', policy: 'os_compute_api:os-flavor-manage:create', summary: 'Create a flavor.',
    body: versioned({ '2.1': NewFlavor, '2.55': NewFlavorWithDescription }), reply: { 200: OneFlavor }, faults: [400, 401, 403, 409],
  },
  updateFlavor: {
    method: 'PUT', path: '/flavors/:id', since: '2.55', policy: 'os_compute_api:os-flavor-manage:update', summary: 'Describe a flavor anew.',
    params: IdParams, body: Closed({ flavor: Closed({ description: Description }) }), reply: { 200: OneFlavor }, faults: [400, 401, 403, 404],
  },
  deleteFlavor: {
    method: 'DELETE', path: '/flavors/:id', policy: 'os_compute_api:os-flavor-manage:delete', summary: 'Delete a flavor; servers made with it keep what they have.',
    params: IdParams, reply: { 202: null }, faults: [401, 403, 404],
  },
})

const Tenant = Closed({ tenant: Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-]*$' }) })
const Access = Closed({ flavor_access: Type.Array(Closed({ flavor_id: Type.String(), tenant_id: Type.String() })) })

export const flavorAccessRoutes = defineRoutes('nova', {
  listFlavorAccess: {
    method: 'GET', path: '/flavors/:id/os-flavor-access', policy: 'os_compute_api:os-flavor-access', summary: 'The projects that may use a private flavor.',
    params: IdParams, reply: { 200: Access }, faults: [401, 403, 404],
  },
  addTenantAccess: {
    method: 'POST', path: '/flavors/:id/action', action: 'addTenantAccess', policy: 'os_compute_api:os-flavor-access:add_tenant_access',
    summary: 'Let a project use a private flavor.', params: IdParams, body: Closed({ addTenantAccess: Tenant }), reply: { 200: Access }, faults: [400, 401, 403, 404, 409],
  },
  removeTenantAccess: {
    method: 'POST', path: '/flavors/:id/action', action: 'removeTenantAccess', policy: 'os_compute_api:os-flavor-access:remove_tenant_access',
    summary: 'Stop a project from using a private flavor.', params: IdParams, body: Closed({ removeTenantAccess: Tenant }), reply: { 200: Access },
    faults: [400, 401, 403, 404],
  },
})
