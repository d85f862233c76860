// Domains and projects: the tree of owners.
import { deferred, defineRoutes, Identifier, Nullable, type Static, Type } from '#core/spec'
import { byId, Description, Enabled, Flag, IdText, listParts, open, openChange, page, ResourceOptions, SelfLink, ShortName, Text } from './schemas.ts'

const Tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' })
const Tags = Type.Array(Tag, { maxItems: 80, uniqueItems: true })

export const Domain = Type.Object({
  id: Type.String(), name: Type.String(), description: Type.String(), enabled: Type.Boolean(), tags: Type.Array(Type.String()),
  options: Type.Object({}), links: SelfLink,
}, open)
export type Domain = Static<typeof Domain>

export const Project = Type.Object({
  id: Type.String(), name: Type.String(), domain_id: Nullable(Type.String()), description: Type.String(), enabled: Type.Boolean(),
  parent_id: Nullable(Type.String()), is_domain: Type.Boolean(), tags: Type.Array(Type.String()), options: Type.Object({}), links: SelfLink,
}, open)
export type Project = Static<typeof Project>

const changeable = {
  name: Type.Optional(ShortName), description: Type.Optional(Description), enabled: Type.Optional(Enabled), tags: Type.Optional(Tags),
  options: Type.Optional(ResourceOptions),
}

export const domainRoutes = defineRoutes('keystone', {
  listDomains: {
    method: 'GET', path: '/domains', policy: deferred('identity:list_domains'), summary: 'List domains.',
    query: Type.Object({ ...page, name: Text, enabled: Text }), reply: { 200: Type.Object({ domains: Type.Array(Domain), ...listParts }) }, faults: [401, 403],
  },
  createDomain: {
    method: 'POST', path: '/domains', policy: 'identity:create_domain', summary: 'Create a domain.',
    body: Type.Object({ domain: Type.Object({ ...changeable, name: ShortName, explicit_domain_id: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })) }, open) }),
    reply: { 201: Type.Object({ domain: Domain }) }, faults: [400, 401, 403, 409],
  },
  showDomain: {
    method: 'GET', path: '/domains/:id', policy: deferred('identity:get_domain'), summary: 'Show a domain.',
    params: byId, reply: { 200: Type.Object({ domain: Domain }) }, faults: [401, 403, 404],
  },
  updateDomain: {
    method: 'PATCH', path: '/domains/:id', policy: 'identity:update_domain', summary: 'Change a domain; disabling it ends all its tokens.',
    params: byId, body: Type.Object({ domain: Type.Object(changeable, openChange) }), reply: { 200: Type.Object({ domain: Domain }) }, faults: [400, 401, 403, 404, 409],
  },
  deleteDomain: {
    method: 'DELETE', path: '/domains/:id', policy: 'identity:delete_domain', summary: 'Delete a disabled domain with all that is in it.',
    params: byId, reply: { 204: null }, faults: [401, 403, 404],
  },
})

const byTag = Type.Object({ id: Identifier, value: Identifier })
const TagDocument = Type.Object({ tags: Type.Array(Type.String()), links: SelfLink })

export const projectRoutes = defineRoutes('keystone', {
  listProjects: {
    method: 'GET', path: '/projects', policy: deferred('identity:list_projects'), summary: 'List projects.',
    query: Type.Object({
      ...page, name: Text, enabled: Text, domain_id: Text, parent_id: Text, is_domain: Text,
      tags: Text, 'tags-any': Text, 'not-tags': Text, 'not-tags-any': Text,
    }),
    reply: { 200: Type.Object({ projects: Type.Array(Project), ...listParts }) }, faults: [401, 403],
  },
  createProject: {
    method: 'POST', path: '/projects', policy: deferred('identity:create_project'), summary: 'Create a project, in a domain or below another project.',
    body: Type.Object({
      project: Type.Object({
        ...changeable, name: ShortName, domain_id: Type.Optional(Nullable(IdText)), parent_id: Type.Optional(Nullable(IdText)), is_domain: Type.Optional(Type.Boolean()),
      }, open),
    }),
    reply: { 201: Type.Object({ project: Project }) }, faults: [400, 401, 403, 409],
  },
  showProject: {
    method: 'GET', path: '/projects/:id', policy: deferred('identity:get_project'), summary: 'Show a project, with what is above or below it when asked.',
    params: byId, query: Type.Object({ parents_as_list: Flag, parents_as_ids: Flag, subtree_as_list: Flag, subtree_as_ids: Flag }),
    reply: { 200: Type.Object({ project: Project }) }, faults: [400, 401, 403, 404],
  },
  updateProject: {
    method: 'PATCH', path: '/projects/:id', policy: deferred('identity:update_project'), summary: 'Change a project; disabling it ends its tokens.',
    params: byId, body: Type.Object({
      project: Type.Object({
        ...changeable, domain_id: Type.Optional(Nullable(IdText)), parent_id: Type.Optional(Nullable(IdText)), is_domain: Type.Optional(Type.Boolean()),
      }, open),
    }),
    reply: { 200: Type.Object({ project: Project }) }, faults: [400, 401, 403, 404, 409],
  },
  deleteProject: {
    method: 'DELETE', path: '/projects/:id', policy: deferred('identity:delete_project'), summary: 'Delete a project that has none below it.',
    params: byId, reply: { 204: null }, faults: [400, 401, 403, 404],
  },
  listProjectTags: {
    method: 'GET', path: '/projects/:id/tags', policy: deferred('identity:list_project_tags'), summary: "List a project's tags.",
    params: byId, reply: { 200: TagDocument }, faults: [401, 403, 404],
  },
  replaceProjectTags: {
    method: 'PUT', path: '/projects/:id/tags', policy: deferred('identity:update_project_tags'), summary: "Replace a project's tags.",
    params: byId, body: Type.Object({ tags: Tags }, { additionalProperties: false }), reply: { 200: TagDocument }, faults: [400, 401, 403, 404],
  },
  deleteProjectTags: {
    method: 'DELETE', path: '/projects/:id/tags', policy: deferred('identity:delete_project_tags'), summary: "Remove all of a project's tags.",
    params: byId, reply: { 204: null }, faults: [401, 403, 404],
  },
  checkProjectTag: {
    method: 'GET', path: '/projects/:id/tags/:value', policy: deferred('identity:get_project_tag'), summary: 'Ask whether a project has a tag.',
    params: byTag, reply: { 204: null }, faults: [401, 403, 404],
  },
  addProjectTag: {
    method: 'PUT', path: '/projects/:id/tags/:value', policy: deferred('identity:create_project_tag'), summary: 'Add a tag to a project.',
    params: Type.Object({ id: Identifier, value: Tag }), reply: { 201: null }, faults: [400, 401, 403, 404],
  },
  deleteProjectTag: {
    method: 'DELETE', path: '/projects/:id/tags/:value', policy: deferred('identity:delete_project_tag'), summary: 'Remove a tag from a project.',
    params: byTag, reply: { 204: null }, faults: [401, 403, 404],
  },
  listAuthProjects: {
    method: 'GET', path: '/auth/projects', policy: 'identity:get_auth_projects', summary: 'List the projects that the user may have a token for.',
    query: Type.Object({ ...page, name: Text, enabled: Text, domain_id: Text }), reply: { 200: Type.Object({ projects: Type.Array(Project), ...listParts }) }, faults: [401],
  },
  listAuthDomains: {
    method: 'GET', path: '/auth/domains', policy: 'identity:get_auth_domains', summary: 'List the domains that the user may have a token for.',
    query: Type.Object({ ...page, name: Text, enabled: Text }), reply: { 200: Type.Object({ domains: Type.Array(Domain), ...listParts }) }, faults: [401],
  },
  listUserProjects: {
    method: 'GET', path: '/users/:id/projects', policy: deferred('identity:list_user_projects'), summary: 'List the projects on which a user has a role.',
    params: byId, query: Type.Object({ ...page, name: Text, enabled: Text, domain_id: Text }),
    reply: { 200: Type.Object({ projects: Type.Array(Project), ...listParts }) }, faults: [401, 403, 404],
  },
})
