// One request to another service. A connection that breaks does not say what became of the request.
import { AppError, ServiceUnavailable } from '#core/errors'
import type { ApiReply, ApiRequest, Transport } from '#core/http'

/** Where an API is reached. */
export interface ServiceTarget {
  readonly name: string
  readonly transport: Transport
  /** Scheme and authority, as in `http://127.0.0.1:8774`. */
  readonly origin: string
  readonly prefix: string
  /** The type named in `OpenStack-API-Version`, where the service has microversions. */
  readonly versionType?: string
}

/**
 * @param repeatable asked once more when the connection breaks, as when the service was just started anew: reads, and what
 * makes no difference the second time
 * @throws ServiceUnavailable when no answer came
 */
export async function exchange(target: ServiceTarget, request: Omit<ApiRequest, 'origin'>, repeatable = request.method === 'GET'): Promise<ApiReply> {
  try {
    return await target.transport({ ...request, origin: target.origin })
  } catch (error) {
    if (error instanceof AppError) throw error
    if (repeatable && request.signal?.aborted !== true) return exchange(target, request, false)
    throw new ServiceUnavailable(`The ${target.name} service cannot be reached.`, { service: target.name }, error)
  }
}
