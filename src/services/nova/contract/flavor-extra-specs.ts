// Extra specs of flavors: what the scheduler and the hypervisor read beyond the sizes.
import { Closed, defineRoutes, Identifier, Type } from '#core/spec'
import { IdParams, MetadataKey } from './values.ts'

const NewSpecs = (more: object) => Type.Record(
  Type.String({ pattern: MetadataKey }), Type.Union([Type.String({ maxLength: 255 }), Type.Number()]), { ...more, additionalProperties: false })
const Specs = Type.Record(Type.String(), Type.String())
/** Creation and change answer what was sent, numbers as numbers. */
const SpecsAsSent = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]))
const SpecParams = Type.Object({ id: Identifier, key: Identifier })

export const flavorExtraSpecRoutes = defineRoutes('nova', {
  listFlavorExtraSpecs: {
    method: 'GET', path: '/flavors/:id/os-extra_specs', policy: 'os_compute_api:os-flavor-extra-specs:index', summary: "A flavor's extra specs.",
    params: IdParams, reply: { 200: Closed({ extra_specs: Specs }) }, faults: [401, 403, 404],
  },
  createFlavorExtraSpecs: {
    method: 'POST', path: '/flavors/:id/os-extra_specs', policy: 'os_compute_api:os-flavor-extra-specs:create', summary: 'Set extra specs of a flavor.',
    params: IdParams, body: Closed({ extra_specs: NewSpecs({}) }), reply: { 200: Closed({ extra_specs: SpecsAsSent }) }, faults: [400, 401, 403, 404],
  },
  showFlavorExtraSpec: {
    method: 'GET', path: '/flavors/:id/os-extra_specs/:key', policy: 'os_compute_api:os-flavor-extra-specs:show', summary: 'One extra spec.',
    params: SpecParams, reply: { 200: Specs }, faults: [401, 403, 404],
  },
  updateFlavorExtraSpec: {
    method: 'PUT', path: '/flavors/:id/os-extra_specs/:key', policy: 'os_compute_api:os-flavor-extra-specs:update', summary: 'Set one extra spec.',
    params: SpecParams, body: NewSpecs({ minProperties: 1, maxProperties: 1 }), reply: { 200: SpecsAsSent }, faults: [400, 401, 403, 404],
  },
  deleteFlavorExtraSpec: {
    method: 'DELETE', path: '/flavors/:id/os-extra_specs/:key', policy: 'os_compute_api:os-flavor-extra-specs:delete', summary: 'Remove one extra spec.',
    params: SpecParams, reply: { 200: null }, faults: [401, 403, 404],
  },
})
