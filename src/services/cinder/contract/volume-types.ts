// Volume types, their extra specs, who may use a private one, and the type that a project falls back to.
import { Closed, defineRoutes, Identifier, listQuery, Nullable, type Static, Type } from '#core/spec'
import { IdParams, Line, NullableDescription, NullableText, PageLinks, Switch } from './schemas.ts'

const Specs = Type.Record(Type.String(), NullableText)
const NewSpecs = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9_:. /-]{1,255}$' }), Nullable(Type.String({ maxLength: 255 })), { additionalProperties: false, maxProperties: 128 })
const SpecsWithoutSpaces = (more: object) => Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9_:.-]{1,255}$' }), Nullable(Type.String({ maxLength: 255 })), { additionalProperties: false, maxProperties: 128, ...more })
const text = Type.Optional(Type.String({ maxLength: 1000 }))

export const VolumeType = Closed({
  id: Type.String(), name: Type.String(), is_public: Type.Boolean(), description: NullableText,
  extra_specs: Type.Optional(Specs), qos_specs_id: Type.Optional(Type.Null()), 'os-volume-type-access:is_public': Type.Optional(Type.Boolean()),
})
export type VolumeType = Static<typeof VolumeType>

const TypeBody = Type.Object({ volume_type: VolumeType })
const TypeParams = Type.Object({ type_id: Identifier })
const SpecParams = Type.Object({ type_id: Identifier, key: Identifier })

export const volumeTypeRoutes = defineRoutes('cinder', {
  createVolumeType: {
    method: 'POST', path: '/types', policy: 'volume_extension:type_create', summary: 'Create a volume type.',
    body: Closed({
      volume_type: Closed({
        name: Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' }),
        description: Type.Optional(NullableDescription),
        extra_specs: Type.Optional(NewSpecs),
        'os-volume-type-access:is_public': Type.Optional(Switch),
      }),
    }),
    reply: { 200: TypeBody }, faults: [400, 403, 409],
  },
  listVolumeTypes: {
    method: 'GET', path: '/types', policy: 'volume_extension:type_get_all', summary: 'The volume types that the project may use.',
    query: listQuery({ sort: ['created_at', 'id', 'name', 'is_public'], filters: { offset: text, is_public: text, extra_specs: text } }),
    reply: { 200: Closed({ volume_types: Type.Array(VolumeType), volume_type_links: PageLinks }) }, faults: [400, 403],
  },
  showVolumeType: {
    method: 'GET', path: '/types/:id', policy: 'volume_extension:type_get', summary: 'One volume type; `default` names the one used when none is asked for.',
    params: IdParams, reply: { 200: TypeBody }, faults: [403, 404],
  },
  updateVolumeType: {
    method: 'PUT', path: '/types/:id', policy: 'volume_extension:type_update', summary: 'Rename or describe a volume type, or change who may use it.',
    params: IdParams,
    body: Closed({ volume_type: Closed({ name: Type.Optional(Nullable(Line(255))), description: Type.Optional(NullableDescription), is_public: Type.Optional(Switch) }) }),
    reply: { 200: TypeBody }, faults: [400, 403, 404, 409],
  },
  deleteVolumeType: {
    method: 'DELETE', path: '/types/:id', policy: 'volume_extension:type_delete', summary: 'Delete a volume type that no volume has.',
    params: IdParams, reply: { 202: null }, faults: [400, 403, 404],
  },
  addProjectAccess: {
    method: 'POST', path: '/types/:id/action', action: 'addProjectAccess', policy: 'volume_extension:volume_type_access:addProjectAccess',
    summary: 'Let a project use a private type.', params: IdParams,
    body: Closed({ addProjectAccess: Closed({ project: Type.String({ minLength: 1, maxLength: 255 }) }) }), reply: { 202: null }, faults: [400, 403, 404, 409],
  },
  removeProjectAccess: {
    method: 'POST', path: '/types/:id/action', action: 'removeProjectAccess', policy: 'volume_extension:volume_type_access:removeProjectAccess',
    summary: 'Stop a project from using a private type.', params: IdParams,
    body: Closed({ removeProjectAccess: Closed({ project: Type.String({ minLength: 1, maxLength: 255 }) }) }), reply: { 202: null }, faults: [400, 403, 404],
  },
  listTypeAccess: {
    method: 'GET', path: '/types/:id/os-volume-type-access', policy: 'volume_extension:volume_type_access:get_all_for_type',
    summary: 'The projects that may use a private type.', params: IdParams,
    reply: { 200: Type.Object({ volume_type_access: Type.Array(Closed({ volume_type_id: Type.String(), project_id: Type.String() })) }) }, faults: [403, 404],
  },
})

export const extraSpecRoutes = defineRoutes('cinder', {
  listExtraSpecs: {
    method: 'GET', path: '/types/:type_id/extra_specs', policy: 'volume_extension:types_extra_specs:index', summary: "A type's extra specs.",
    params: TypeParams, reply: { 200: Type.Object({ extra_specs: Specs }) }, faults: [403, 404],
  },
  createExtraSpecs: {
    method: 'POST', path: '/types/:type_id/extra_specs', policy: 'volume_extension:types_extra_specs:create', summary: 'Set extra specs of a type that no volume has.',
    params: TypeParams, body: Closed({ extra_specs: SpecsWithoutSpaces({}) }), reply: { 200: Type.Object({ extra_specs: Specs }) }, faults: [400, 403, 404],
  },
  showExtraSpec: {
    method: 'GET', path: '/types/:type_id/extra_specs/:key', policy: 'volume_extension:types_extra_specs:show', summary: 'One extra spec.',
    params: SpecParams, reply: { 200: Specs }, faults: [403, 404],
  },
  updateExtraSpec: {
    method: 'PUT', path: '/types/:type_id/extra_specs/:key', policy: 'volume_extension:types_extra_specs:update', summary: 'Change one extra spec.',
    params: SpecParams, body: SpecsWithoutSpaces({ minProperties: 1, maxProperties: 1 }), reply: { 200: Specs }, faults: [400, 403, 404],
  },
  deleteExtraSpec: {
    method: 'DELETE', path: '/types/:type_id/extra_specs/:key', policy: 'volume_extension:types_extra_specs:delete', summary: 'Remove one extra spec.',
    params: SpecParams, reply: { 202: null }, faults: [400, 403, 404],
  },
})

const DefaultType = Closed({ project_id: Type.String(), volume_type_id: Type.String() })
const ProjectParams = Type.Object({ project_id: Identifier })

export const defaultTypeRoutes = defineRoutes('cinder', {
  listDefaultTypes: {
    method: 'GET', path: '/default-types', since: '3.62', policy: 'volume_extension:default_get_all', summary: 'The default types that projects have of their own.',
    reply: { 200: Type.Object({ default_types: Type.Array(DefaultType) }) }, faults: [403],
  },
  showDefaultType: {
    method: 'GET', path: '/default-types/:project_id', since: '3.62', policy: 'volume_extension:default_get', summary: "A project's own default type.",
    params: ProjectParams, reply: { 200: Type.Object({ default_type: DefaultType }) }, faults: [403, 404],
  },
  setDefaultType: {
    method: 'PUT', path: '/default-types/:project_id', since: '3.62', policy: 'volume_extension:default_set_or_update', summary: 'Give a project a default type of its own.',
    params: ProjectParams, body: Closed({ default_type: Closed({ volume_type: Type.String({ minLength: 1, maxLength: 255 }) }) }),
    reply: { 200: Type.Object({ default_type: DefaultType }) }, faults: [400, 403, 404],
  },
  unsetDefaultType: {
    method: 'DELETE', path: '/default-types/:project_id', since: '3.62', policy: 'volume_extension:default_unset', summary: 'Let a project use the common default type again.',
    params: ProjectParams, reply: { 204: null }, faults: [403, 404],
  },
})
