// Handlers of domains and projects.
import type { RequestContext } from '#core/context'
import type { Handlers } from '#core/http'
import type { domainRoutes, Project, projectRoutes } from '../contract/projects.ts'
import { deleteTag, findProject, listProjects, type ProjectRow, projectsByIds, replaceTags, subtreeOf, tagsOf } from '../db/projects.ts'
import { ancestorsOf, findUser } from '../db/tokens.ts'
import type { Listed, ListRequest } from '../db/lists.ts'
import { reachOf } from '../domain/grants.ts'
import type { Keystone } from '../domain/keystone.ts'
import { changeProject, createDomain, createProject, parentIds, removeDomain, removeProject, subtreeIds } from '../domain/projects.ts'
import { notFound, ValidationError } from '../model/errors.ts'
import { equal, type Filterable, isAsked, listParts, type ListSite, readList } from './lists.ts'
import { authorize } from './policy.ts'
import { domainFor, domainTarget, ownDomain } from './scope.ts'
import { viewDomain, viewProject } from './views.ts'

const domainFilters: Filterable = { name: 'text', enabled: 'boolean' }
const projectFilters: Filterable = { name: 'text', enabled: 'boolean', domain_id: 'text', parent_id: 'text', is_domain: 'boolean' }

/** Rows as the wire shows them, with their tags from one query. */
async function viewAll<T>({ database }: Keystone, rows: readonly ProjectRow[], view: (row: ProjectRow, tags: readonly string[], baseUrl: string) => T, baseUrl: string): Promise<T[]> {
  const tags = await tagsOf(database.read, rows.map((row) => row.id))
  return rows.map((row) => view(row, tags.get(row.id) ?? [], baseUrl))
}

async function viewOne<T>(keystone: Keystone, row: ProjectRow, view: (row: ProjectRow, tags: readonly string[], baseUrl: string) => T, baseUrl: string): Promise<T> {
  const [viewed] = await viewAll(keystone, [row], view, baseUrl)
  return viewed as T
}

export const domainHandlers = (keystone: Keystone): Handlers<typeof domainRoutes> => {
  const { database, policy, options } = keystone
  async function domain(id: string): Promise<ProjectRow> {
    const row = await findProject(database.read, id)
    if (!row || row.is_domain === 0) throw notFound('domain', id)
    return row
  }
  return {
    async listDomains(input) {
      const { ctx, query, baseUrl } = input
      authorize(policy, 'identity:list_domains', ctx.identity, domainTarget(ctx.identity))
      const listed = await listProjects(database.read, readList(query, domainFilters, options.list_limit, [equal('is_domain', 1), ...ownDomain(ctx.identity, 'id')]))
      return { status: 200, body: { domains: await viewAll(keystone, listed.rows, viewDomain, baseUrl), ...listParts(input, '/domains', listed) } }
    },
    async createDomain({ body, baseUrl }) {
      const row = await createDomain(keystone, body.domain)
      return { status: 201, body: { domain: await viewOne(keystone, row, viewDomain, baseUrl) } }
    },
    async showDomain({ ctx, params, baseUrl }) {
      authorize(policy, 'identity:get_domain', ctx.identity, { target: { domain: { id: params.id } } })
      return { status: 200, body: { domain: await viewOne(keystone, await domain(params.id), viewDomain, baseUrl) } }
    },
    async updateDomain({ params, body, baseUrl }) {
      const row = await changeProject(keystone, await domain(params.id), body.domain)
      return { status: 200, body: { domain: await viewOne(keystone, row, viewDomain, baseUrl) } }
    },
    async deleteDomain({ params }) {
      await removeDomain(keystone, params.id)
      return { status: 204 }
    },
  }
}

export const projectHandlers = (keystone: Keystone): Handlers<typeof projectRoutes> => {
  const { database, policy, options } = keystone

  /** @throws Refused first, so that nobody learns what exists; then NotFound */
  async function project(ctx: RequestContext, id: string, rule: string): Promise<ProjectRow> {
    const row = await findProject(database.read, id)
    authorize(policy, rule, ctx.identity, row ? { target: { project: row } } : {})
    if (!row) throw notFound('project', id)
    return row
  }

  async function tagDocument(id: string, baseUrl: string) {
    return { tags: [...((await tagsOf(database.read, [id])).get(id) ?? [])], links: { self: `${baseUrl}/projects/${id}/tags` } }
  }

  async function projectList(input: ListSite, path: string, listed: Listed<ProjectRow>) {
    return { status: 200, body: { projects: await viewAll(keystone, listed.rows, viewProject, input.baseUrl), ...listParts(input, path, listed) } } as const
  }

  async function reachable(userId: string, request: ListRequest): Promise<Listed<ProjectRow>> {
    return projectsByIds(database.read, (await reachOf(keystone, userId)).projectIds, request)
  }

  return {
    async listProjects(input) {
      const { ctx, query } = input
      authorize(policy, 'identity:list_projects', ctx.identity, domainTarget(ctx.identity))
      const fixed = [...ownDomain(ctx.identity), ...('is_domain' in query ? [] : [equal('is_domain', 0)])]
      const names = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(','))
      const tags = { all: names(query.tags), any: names(query['tags-any']), notAll: names(query['not-tags']), notAny: names(query['not-tags-any']) }
      return projectList(input, '/projects', await listProjects(database.read, readList(query, projectFilters, options.list_limit, fixed), tags))
    },
    async createProject({ ctx, body: { project: wish }, baseUrl }) {
      if (wish.is_domain === true) {
        authorize(policy, 'identity:create_project', ctx.identity, { target: { project: {} } })
        if (typeof wish.domain_id === 'string') throw new ValidationError('A project that acts as a domain cannot be in a domain.')
        if (typeof wish.parent_id === 'string') throw new ValidationError('only root projects are allowed to act as domains.')
        return { status: 201, body: { project: await viewOne(keystone, await createDomain(keystone, wish), viewProject, baseUrl) } }
      }
      const parent = typeof wish.parent_id === 'string' && wish.domain_id === undefined ? await findProject(database.read, wish.parent_id) : undefined
      const domainId = domainFor(wish.domain_id ?? (parent && (parent.domain_id || parent.id)), ctx.identity)
      authorize(policy, 'identity:create_project', ctx.identity, { target: { project: { domain_id: domainId } } })
      return { status: 201, body: { project: await viewOne(keystone, await createProject(keystone, wish, domainId), viewProject, baseUrl) } }
    },
    async showProject({ ctx, params, query, baseUrl }) {
      const row = await project(ctx, params.id, 'identity:get_project')
      const asked = (name: string) => isAsked(query, name)
      for (const part of ['parents', 'subtree']) {
        if (asked(`${part}_as_list`) && asked(`${part}_as_ids`)) throw new ValidationError(`Cannot use ${part}_as_list and ${part}_as_ids query params at the same time.`)
      }
      const shown: Project & Record<string, unknown> = { ...(await viewOne(keystone, row, viewProject, baseUrl)) }
      const above = asked('parents_as_list') || asked('parents_as_ids') ? await ancestorsOf(database.read, row) : []
      const below = asked('subtree_as_list') || asked('subtree_as_ids') ? await subtreeOf(database.read, row.id) : []
      // Lists hold only projects on which the caller has a role (keystone/resource/core.py, _filter_projects_list).
      const visible = async (rows: readonly ProjectRow[]) => {
        const { projectIds } = await reachOf(keystone, ctx.identity.userId)
        const views = await viewAll(keystone, rows.filter((each) => projectIds.includes(each.id)), viewProject, baseUrl)
        return views.map((view) => ({ project: view }))
      }
      if (asked('parents_as_list')) shown['parents'] = await visible(above)
      if (asked('parents_as_ids')) shown['parents'] = parentIds(above)
      if (asked('subtree_as_list')) shown['subtree'] = await visible(below)
      if (asked('subtree_as_ids')) shown['subtree'] = subtreeIds(below, row.id)
      return { status: 200, body: { project: shown } }
    },
    async updateProject({ ctx, params, body, baseUrl }) {
      const row = await changeProject(keystone, await project(ctx, params.id, 'identity:update_project'), body.project)
      return { status: 200, body: { project: await viewOne(keystone, row, viewProject, baseUrl) } }
    },
    async deleteProject({ ctx, params }) {
      await removeProject(keystone, await project(ctx, params.id, 'identity:delete_project'))
      return { status: 204 }
    },
    async listProjectTags({ ctx, params, baseUrl }) {
      await project(ctx, params.id, 'identity:list_project_tags')
      return { status: 200, body: await tagDocument(params.id, baseUrl) }
    },
    async replaceProjectTags({ ctx, params, body, baseUrl }) {
      await project(ctx, params.id, 'identity:update_project_tags')
      await database.transaction((tx) => replaceTags(tx, params.id, body.tags))
      return { status: 200, body: await tagDocument(params.id, baseUrl) }
    },
    async deleteProjectTags({ ctx, params }) {
      await project(ctx, params.id, 'identity:delete_project_tags')
      await database.transaction((tx) => replaceTags(tx, params.id, []))
      return { status: 204 }
    },
    async checkProjectTag({ ctx, params: { id, value } }) {
      await project(ctx, id, 'identity:get_project_tag')
      if (!(await tagsOf(database.read, [id])).get(id)?.includes(value)) throw notFound('project tag', value)
      return { status: 204 }
    },
    async addProjectTag({ ctx, params: { id, value }, baseUrl }) {
      await project(ctx, id, 'identity:create_project_tag')
      await database.transaction(async (tx) => {
        const tags = (await tagsOf(tx, [id])).get(id) ?? []
        if (tags.length >= 80 && !tags.includes(value)) throw new ValidationError('A project has at most 80 tags.')
        await replaceTags(tx, id, [...tags, value])
      })
      return { status: 201, headers: { Location: `${baseUrl}/projects/${id}/tags/${encodeURIComponent(value)}` } }
    },
    async deleteProjectTag({ ctx, params: { id, value } }) {
      await project(ctx, id, 'identity:delete_project_tag')
      if (!(await database.transaction((tx) => deleteTag(tx, id, value)))) throw notFound('project tag', value)
      return { status: 204 }
    },
    async listAuthProjects(input) {
      return projectList(input, '/auth/projects', await reachable(input.ctx.identity.userId, readList(input.query, projectFilters, options.list_limit)))
    },
    async listAuthDomains(input) {
      const { domainIds } = await reachOf(keystone, input.ctx.identity.userId)
      const listed = await projectsByIds(database.read, domainIds, readList(input.query, domainFilters, options.list_limit))
      return { status: 200, body: { domains: await viewAll(keystone, listed.rows, viewDomain, input.baseUrl), ...listParts(input, '/auth/domains', listed) } }
    },
    async listUserProjects(input) {
      const { ctx, params } = input
      const user = await findUser(database.read, params.id)
      authorize(policy, 'identity:list_user_projects', ctx.identity, user ? { target: { user } } : {})
      if (!user) throw notFound('user', params.id)
      return projectList(input, `/users/${params.id}/projects`, await reachable(params.id, readList(input.query, projectFilters, options.list_limit)))
    },
  }
}
