// Handlers of volume types, their extra specs and access, and projects' default types.
import type { RequestContext } from '#core/context'
import { BadRequest } from '#core/errors'
import type { Handlers } from '#core/http'
import type { defaultTypeRoutes, extraSpecRoutes, VolumeType as WireType, volumeTypeRoutes } from '../contract/volume-types.ts'
import {
  listTypes, projectDefaultType, projectDefaultTypes, setProjectDefaultType, typeProjects, typeSortColumns,
} from '../db/volume-types.ts'
import { type Cinder, isAdmin, may, seenFrom } from '../domain/cinder.ts'
import { addTypeAccess, changeExtraSpecs, createType, deleteType, removeExtraSpec, removeTypeAccess, updateType } from '../domain/manage-types.ts'
import { requireProject } from '../domain/projects.ts'
import { defaultType, typeFor, typeNamed } from '../domain/types.ts'
import { DefaultTypeNotFound, ExtraSpecNotFound, TypeAccessNotFound, VolumeTypeNotFound } from '../model/errors.ts'
import { userVisibleExtraSpecs, type VolumeType } from '../model/volume-type.ts'
import { nextPage } from './links.ts'
import { booleanOf, dictionaryOf, filtersOf, isGiven, keepFilters, looseBoolean, pageOf } from './lists.ts'

type Specs = Readonly<Record<string, string | null>>

/** Without the right to see them all, only those for users. */
function visibleSpecs(cinder: Cinder, ctx: RequestContext, specs: Specs): Record<string, string | null> {
  if (may(cinder, ctx, 'volume_extension:types_extra_specs:read_sensitive', ctx.identity.projectId)) return { ...specs }
  return Object.fromEntries(Object.entries(specs).filter(([key]) => (userVisibleExtraSpecs as readonly string[]).includes(key)))
}

function viewType(cinder: Cinder, ctx: RequestContext, type: VolumeType): WireType {
  const allowed = (rule: string) => may(cinder, ctx, rule, ctx.identity.projectId)
  return {
    id: type.id, name: type.name, is_public: type.isPublic, description: type.description,
    ...(allowed('volume_extension:access_types_extra_specs') && { extra_specs: visibleSpecs(cinder, ctx, type.extraSpecs) }),
    ...(allowed('volume_extension:access_types_qos_specs_id') && { qos_specs_id: null }),
    ...(allowed('volume_extension:volume_type_access') && { 'os-volume-type-access:is_public': type.isPublic }),
  }
}

/** As an administrator's own change is answered: all extra specs, nothing of QoS (cinder/api/views/types.py). */
function viewChangedType({ id, name, isPublic, extraSpecs, description }: VolumeType): WireType {
  return { id, name, is_public: isPublic, extra_specs: { ...extraSpecs }, description }
}

/** `is_public` of an administrator's list: yes, no, or both (cinder/api/api_utils.py, _parse_is_public). */
function publicity(text: string | undefined): boolean | undefined {
  if (text === undefined) return true
  if (/^none$/i.test(text)) return undefined
  const value = booleanOf(text)
  if (value === undefined) throw new BadRequest(`Invalid is_public filter [${text.slice(0, 40)}]`)
  return value
}

export function volumeTypeHandlers(cinder: Cinder): Handlers<typeof volumeTypeRoutes> {
  const body = (ctx: RequestContext, type: VolumeType) => ({ volume_type: viewType(cinder, ctx, type) })
  return {
    async createVolumeType({ ctx, body: { volume_type: asked } }) {
      const type = await createType(cinder, ctx, {
        name: asked.name.trim(), description: asked.description ?? null, extraSpecs: asked.extra_specs ?? {},
        isPublic: asked['os-volume-type-access:is_public'] === undefined || looseBoolean(asked['os-volume-type-access:is_public']),
      })
      return { status: 200, body: { volume_type: { ...viewChangedType(type), 'os-volume-type-access:is_public': type.isPublic } } }
    },
    async listVolumeTypes({ ctx, version, baseUrl, query }) {
      const { page, offset } = pageOf(query, Object.keys(typeSortColumns), cinder.settings.osapi_max_limit)
      const filters = filtersOf(query)
      keepFilters(filters, version.atLeast('3.52') ? ['is_public', 'extra_specs'] : ['is_public'], { admin: isAdmin(ctx), refuses: version.atLeast('3.52') })
      const isPublic = isAdmin(ctx) ? publicity(filters.get('is_public')) : undefined
      const projectId = seenFrom(ctx)
      const asked = filters.get('extra_specs')
      for (const name of ['is_public', 'extra_specs']) filters.delete(name)
      const equal = Object.fromEntries(filters)
      const found = await listTypes(cinder.database.read, { ...(projectId !== undefined && { projectId }), ...(isPublic !== undefined && { isPublic }), equal }, page, offset)
      if (!found) throw new VolumeTypeNotFound(`Volume type ${(page.marker ?? '').slice(0, 80)} could not be found.`)
      const wanted = asked === undefined ? undefined : dictionaryOf(asked, 'extra_specs')
      const types = wanted === undefined ? found : found.filter((type) => {
        const specs = visibleSpecs(cinder, ctx, type.extraSpecs)
        return Object.entries(wanted).every(([key, value]) => specs[key] === value || (key === 'RESKEY:availability_zones' && specs[key]?.split(',').includes(value)))
      })
      const links = nextPage(`${baseUrl}/types`, query, found.map((type) => type.id), page.limit)
      return { status: 200, body: { volume_types: types.map((type) => viewType(cinder, ctx, type)), ...(links && { volume_type_links: links }) } }
    },
    async showVolumeType({ ctx, params }) {
      return { status: 200, body: body(ctx, params.id === 'default' ? await defaultType(cinder, ctx) : await typeFor(cinder, ctx, params.id)) }
    },
    async updateVolumeType({ ctx, params, body: { volume_type: asked } }) {
      const { name, description, is_public: isPublic } = asked
      if (isGiven(name) && name.trim() === '') throw new BadRequest('Volume type name can not be empty.')
      if (!isGiven(name) && !isGiven(description) && isPublic === undefined) throw new BadRequest('Specify volume type name, description, is_public or a combination thereof.')
      const type = await updateType(cinder, await typeFor(cinder, ctx, params.id), {
        ...(isGiven(name) && { name: name.trim() }), ...(isGiven(description) && { description }), ...(isPublic !== undefined && { isPublic: looseBoolean(isPublic) }),
      })
      return { status: 200, body: { volume_type: viewChangedType(type) } }
    },
    async deleteVolumeType({ ctx, params }) {
      await deleteType(cinder, await typeFor(cinder, ctx, params.id))
      return { status: 202 }
    },
    async addProjectAccess({ ctx, params, body: { addProjectAccess } }) {
      await addTypeAccess(cinder, await typeFor(cinder, ctx, params.id), addProjectAccess.project)
      return { status: 202 }
    },
    async removeProjectAccess({ ctx, params, body: { removeProjectAccess } }) {
      await removeTypeAccess(cinder, await typeFor(cinder, ctx, params.id), removeProjectAccess.project)
      return { status: 202 }
    },
    async listTypeAccess({ ctx, params }) {
      const type = await typeFor(cinder, ctx, params.id)
      if (type.isPublic) throw new TypeAccessNotFound('Access list not available for public volume types.')
      const projects = await typeProjects(cinder.database.read, type.id)
      return { status: 200, body: { volume_type_access: projects.map((projectId) => ({ volume_type_id: type.id, project_id: projectId })) } }
    },
  }
}

export function extraSpecHandlers(cinder: Cinder): Handlers<typeof extraSpecRoutes> {
  return {
    async listExtraSpecs({ ctx, params }) {
      const type = await typeFor(cinder, ctx, params.type_id)
      return { status: 200, body: { extra_specs: visibleSpecs(cinder, ctx, type.extraSpecs) } }
    },
    async createExtraSpecs({ ctx, params, body }) {
      await changeExtraSpecs(cinder, await typeFor(cinder, ctx, params.type_id), body.extra_specs)
      return { status: 200, body }
    },
    async showExtraSpec({ ctx, params }) {
      const type = await typeFor(cinder, ctx, params.type_id)
      const specs = visibleSpecs(cinder, ctx, type.extraSpecs)
      if (!Object.hasOwn(specs, params.key)) throw new ExtraSpecNotFound(`Volume Type ${type.id} has no extra specs with key ${params.key.slice(0, 80)}.`)
      return { status: 200, body: { [params.key]: specs[params.key] ?? null } }
    },
    async updateExtraSpec({ ctx, params, body }) {
      const type = await typeFor(cinder, ctx, params.type_id)
      if (!Object.hasOwn(body, params.key)) throw new BadRequest('Request body and URI mismatch')
      await changeExtraSpecs(cinder, type, body)
      return { status: 200, body }
    },
    async deleteExtraSpec({ ctx, params }) {
      await removeExtraSpec(cinder, await typeFor(cinder, ctx, params.type_id), params.key)
      return { status: 202 }
    },
  }
}

export function defaultTypeHandlers(cinder: Cinder): Handlers<typeof defaultTypeRoutes> {
  return {
    async listDefaultTypes() {
      return { status: 200, body: { default_types: await projectDefaultTypes(cinder.database.read) } }
    },
    async showDefaultType({ ctx, params }) {
      await requireProject(cinder, ctx, params.project_id)
      const typeId = await projectDefaultType(cinder.database.read, params.project_id)
      if (typeId === undefined) throw new DefaultTypeNotFound(`Default type for project ${params.project_id} not found.`)
      return { status: 200, body: { default_type: { project_id: params.project_id, volume_type_id: typeId } } }
    },
    async setDefaultType({ ctx, params, body }) {
      await requireProject(cinder, ctx, params.project_id)
      const type = await typeNamed(cinder, ctx, body.default_type.volume_type).catch((error: unknown) => {
        throw error instanceof VolumeTypeNotFound ? new BadRequest(error.message, {}, error) : error
      })
      await cinder.database.transaction((tx) => setProjectDefaultType(tx, params.project_id, type.id))
      return { status: 200, body: { default_type: { project_id: params.project_id, volume_type_id: type.id } } }
    },
    async unsetDefaultType({ ctx, params }) {
      await requireProject(cinder, ctx, params.project_id)
      await cinder.database.transaction((tx) => setProjectDefaultType(tx, params.project_id, undefined))
      return { status: 204 }
    },
  }
}
