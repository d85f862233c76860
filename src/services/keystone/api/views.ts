// From rows to what the wire shows. What a client had us keep comes first, so that it cannot hide anything of ours.
import type { EndpointRow, RegionRow, ServiceRow } from '../db/catalog.ts'
import type { ProjectRow } from '../db/projects.ts'
import type { RoleRow } from '../db/roles.ts'
import type { GroupRow, UserRow } from '../db/users.ts'
import type { Domain, Project } from '../contract/projects.ts'
import type { Endpoint, Region, Service } from '../contract/catalog.ts'
import type { Group } from '../contract/groups.ts'
import type { Role } from '../contract/roles.ts'
import type { User } from '../contract/users.ts'

const kept = (text: string): Record<string, unknown> => (text === '{}' ? {} : (JSON.parse(text) as Record<string, unknown>))
const self = (baseUrl: string, collection: string, id: string) => ({ self: `${baseUrl}/${collection}/${encodeURIComponent(id)}` })
const orNull = (text: string): string | null => (text === '' ? null : text)

export function viewDomain(row: ProjectRow, tags: readonly string[], baseUrl: string): Domain {
  return {
    ...kept(row.extra), id: row.id, name: row.name, description: row.description, enabled: row.enabled === 1, tags: [...tags],
    options: kept(row.options), links: self(baseUrl, 'domains', row.id),
  }
}

export function viewProject(row: ProjectRow, tags: readonly string[], baseUrl: string): Project {
  return {
    ...kept(row.extra), id: row.id, name: row.name, domain_id: orNull(row.domain_id), description: row.description, enabled: row.enabled === 1,
    parent_id: orNull(row.parent_id), is_domain: row.is_domain === 1, tags: [...tags], options: kept(row.options), links: self(baseUrl, 'projects', row.id),
  }
}

export function viewUser(row: UserRow, baseUrl: string): User {
  return {
    ...kept(row.extra), id: row.id, name: row.name, domain_id: row.domain_id, enabled: row.enabled === 1,
    ...(row.description !== null && { description: row.description }), ...(row.default_project_id !== null && { default_project_id: row.default_project_id }),
    password_expires_at: row.password_expires_at, options: kept(row.options), links: self(baseUrl, 'users', row.id),
  }
}

export function viewGroup(row: GroupRow, baseUrl: string): Group {
  return { ...kept(row.extra), id: row.id, name: row.name, domain_id: row.domain_id, description: row.description, links: self(baseUrl, 'groups', row.id) }
}

export function viewRole(row: RoleRow, baseUrl: string): Role {
  return {
    ...kept(row.extra), id: row.id, name: row.name, domain_id: orNull(row.domain_id), description: row.description, options: kept(row.options),
    links: self(baseUrl, 'roles', row.id),
  }
}

export function viewRoleLink(row: { readonly id: string; readonly name: string }, baseUrl: string) {
  return { id: row.id, name: row.name, links: self(baseUrl, 'roles', row.id) }
}

export function viewRegion(row: RegionRow, baseUrl: string): Region {
  return { ...kept(row.extra), id: row.id, description: row.description, parent_region_id: row.parent_region_id, links: self(baseUrl, 'regions', row.id) }
}

export function viewService(row: ServiceRow, baseUrl: string): Service {
  return {
    ...kept(row.extra), id: row.id, type: row.type, enabled: row.enabled === 1,
    ...(row.name !== null && { name: row.name }), ...(row.description !== null && { description: row.description }), links: self(baseUrl, 'services', row.id),
  }
}

export function viewEndpoint(row: EndpointRow, baseUrl: string): Endpoint {
  return {
    ...kept(row.extra), id: row.id, service_id: row.service_id, interface: row.interface, url: row.url, region_id: row.region_id, region: row.region_id,
    enabled: row.enabled === 1, links: self(baseUrl, 'endpoints', row.id),
  }
}
