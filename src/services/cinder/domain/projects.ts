// Whether a project exists: keystone knows.
import { projectRoutes } from '#contract/keystone'
import { client } from '#core/client'
import type { RequestContext } from '#core/context'
import { AppError } from '#core/errors'
import { onBehalfOf } from '#core/service'
import { ProjectNotFound } from '../model/errors.ts'
import type { Cinder } from './cinder.ts'

/** As the caller may ask for it. @throws ProjectNotFound */
export async function requireProject(cinder: Cinder, ctx: RequestContext, projectId: string): Promise<void> {
  try {
    await client(projectRoutes, cinder.services.keystone, await onBehalfOf(cinder, ctx)).showProject({ params: { id: projectId } })
  } catch (error) {
    throw error instanceof AppError && error.status === 404 ? new ProjectNotFound(`Project with id ${projectId} not found.`, {}, error) : error
  }
}
