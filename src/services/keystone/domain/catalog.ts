// The service catalog: read once, then written out for each project by filling in the few names that URLs may hold.
import type { CatalogRow } from '../db/catalog.ts'

export interface CatalogEndpoint {
  readonly id: string
  readonly interface: string
  readonly region_id: string | null
  readonly region: string | null
  readonly url: string
}

export interface CatalogService {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly endpoints: readonly CatalogEndpoint[]
}

export type CatalogTemplate = readonly CatalogService[]

export interface Substitutions {
  readonly project_id?: string | undefined
  readonly user_id?: string | undefined
}

export function catalogTemplate(rows: readonly CatalogRow[]): CatalogTemplate {
  const services = new Map<string, CatalogService & { endpoints: CatalogEndpoint[] }>()
  for (const row of rows) {
    let service = services.get(row.service_id)
    if (!service) services.set(row.service_id, (service = { id: row.service_id, type: row.type, name: row.name ?? '', endpoints: [] }))
    if (row.endpoint_id !== null && row.interface !== null && row.url !== null) {
      service.endpoints.push({ id: row.endpoint_id, interface: row.interface, region_id: row.region_id, region: row.region_id, url: row.url })
    }
  }
  return [...services.values()]
}

/** An endpoint whose URL needs a project is left out of a catalog for none, as upstream does. */
export function fillCatalog(template: CatalogTemplate, values: Substitutions): CatalogTemplate {
  return template.map((service) => ({
    ...service,
    endpoints: service.endpoints.flatMap((endpoint) => {
      const url = fillUrl(endpoint.url, values)
      return url === undefined ? [] : [{ ...endpoint, url }]
    }),
  }))
}

const placeholder = /[$%]\(([^()]*)\)s/g

/** The only names that a URL may hold: never an option of the configuration (CVE-2014-3621). */
const names: Readonly<Record<string, (values: Substitutions) => string | undefined>> = {
  tenant_id: (values) => values.project_id,
  project_id: (values) => values.project_id,
  user_id: (values) => values.user_id,
}

/** Undefined when a name has no value, or is none of those that may be filled in. */
export function fillUrl(url: string, values: Substitutions): string | undefined {
  if (!url.includes('(')) return url
  let whole = true
  const filled = url.replace(placeholder, (_all, name: string) => {
    const value = Object.hasOwn(names, name) ? names[name]?.(values) : undefined
    if (value === undefined) whole = false
    return value ?? ''
  })
  return whole ? filled : undefined
}

/** Whether a URL holds no placeholder but those that can be filled in. */
export function isFillable(url: string): boolean {
  return fillUrl(url, { project_id: 'p', user_id: 'u' }) !== undefined && !/[$%]\(/.test(url.replace(placeholder, ''))
}
