// Regions, services and endpoints, and what of them goes into a token.
import type { Db } from '#core/db'
import type { Tables } from './tables.ts'

export interface CatalogRow {
  readonly service_id: string
  readonly type: string
  readonly name: string | null
  readonly endpoint_id: string | null
  readonly interface: string | null
  readonly region_id: string | null
  readonly url: string | null
}

/** Enabled services, each with its enabled endpoints: one row per endpoint, or one without for a service that has none. */
export function catalogRows(db: Db<Tables>): Promise<CatalogRow[]> {
  return db.selectFrom('services')
    .leftJoin('endpoints', (join) => join.onRef('endpoints.service_id', '=', 'services.id').on('endpoints.enabled', '=', 1))
    .select(['services.id as service_id', 'services.type', 'services.name', 'endpoints.id as endpoint_id', 'endpoints.interface', 'endpoints.region_id', 'endpoints.url'])
    .where('services.enabled', '=', 1).orderBy('services.type').orderBy('services.id').orderBy('endpoints.interface').orderBy('endpoints.id').execute()
}
