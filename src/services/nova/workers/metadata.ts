// nova-api-metadata: the service behind 169.254.169.254, on a port of its own that only neutron's agents know the secret for.
import { AppError } from '#core/errors'
import type { Transport } from '#core/http'
import { ownContext, type Role } from '#core/service'
import { createMetadataService } from '../domain/metadata-service.ts'
import type { Nova } from '../domain/nova.ts'

export function startMetadata(nova: Nova): Role {
  const { runtime } = nova
  const ask = createMetadataService(nova)
  const transport: Transport = async ({ method, path, headers, signal }) => {
    const text = (status: number, message: string) => ({ status, headers: { 'content-type': 'text/plain; charset=UTF-8' }, body: method === 'HEAD' ? null : message })
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'The metadata service is only read.')
    const ctx = { ...ownContext(runtime, 'nova-metadata'), ...(signal && { signal }) }
    try {
      const { body, contentType } = await ask(ctx, {
        path: decodeURIComponent(path), instanceId: headers['x-instance-id'], projectId: headers['x-tenant-id'], signature: headers['x-instance-id-signature'],
      })
      return { status: 200, headers: { 'content-type': contentType }, body: method === 'HEAD' ? null : body }
    } catch (error) {
      if (error instanceof AppError && error.status < 500) return text(error.status, error.message)
      if (error instanceof URIError) return text(404, 'The resource could not be found.')
      runtime.log.error({ err: error, path }, 'a guest got no answer about itself')
      return text(500, `An unexpected error occurred. The log has its cause under ${ctx.requestId}.`)
    }
  }
  return { transport, stop() {} }
}
