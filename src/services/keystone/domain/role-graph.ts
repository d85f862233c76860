// Which roles a role brings along, and which of them show in a token.
import type { RoleRef } from '../model/tokens.ts'

export interface KnownRole extends RoleRef {
  /** '' for a role that every domain may use. */
  readonly domainId: string
}

export interface RoleGraph {
  readonly byId: ReadonlyMap<string, KnownRole>
  /** Direct implications by prior role. */
  readonly implied: ReadonlyMap<string, readonly string[]>
}

/** The roles themselves and all that they imply, however far; a circle does no harm. */
export function closure(graph: RoleGraph, roleIds: readonly string[]): string[] {
  const found = new Set<string>()
  const open = [...roleIds]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    open.push(...(graph.implied.get(id) ?? []))
  }
  return [...found]
}

/** What a token shows: a role of one domain only counts by what it implies. */
export function effectiveRoles(graph: RoleGraph, roleIds: readonly string[]): RoleRef[] {
  return closure(graph, roleIds).flatMap((id) => {
    const role = graph.byId.get(id)
    return role && role.domainId === '' ? [{ id: role.id, name: role.name }] : []
  }).sort((a, b) => (a.name < b.name ? -1 : 1))
}
