// Whether a project exists: keystone knows.
import { projectRoutes } from '#contract/keystone'
import { client } from '#core/client'
import type { RequestContext } from '#core/context'
import { AppError, BadRequest } from '#core/errors'
import { onBehalfOf } from '#core/service'
import type { Nova } from './nova.ts'

/**
 * As upstream, only a plain “there is none” counts: a caller who may not ask, or a keystone that does not answer, is no reason to refuse.
 *
 * @throws BadRequest when keystone has no such project
 */
export async function requireProject(nova: Nova, ctx: RequestContext, projectId: string): Promise<void> {
  const { runtime } = nova
  try {
    await client(projectRoutes, runtime.services.keystone, await onBehalfOf(runtime, ctx)).showProject({ params: { id: projectId } })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.status === 404) throw new BadRequest(`Project ID ${projectId} is not a valid project.`, {}, error)
    ctx.log.warn({ projectId, err: error }, 'keystone could not say whether a project exists')
  }
}
