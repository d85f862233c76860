// What a check compares: attributes of the caller by oslo.context's names, and values of the target by their path.
import type { Identity } from '../context/request.ts'

export type Target = Readonly<Record<string, unknown>>

/** A text made from the target, or undefined when the target lacks what it needs. */
export type Template = (target: Target) => string | undefined

type Attribute = (identity: Identity) => string | readonly string[] | undefined

const attributes: Readonly<Record<string, Attribute>> = {
  user_id: (identity) => identity.userId,
  user: (identity) => identity.userId,
  user_name: (identity) => identity.userName,
  user_domain_id: (identity) => identity.userDomainId,
  user_domain_name: (identity) => identity.userDomainName,
  project_id: (identity) => identity.projectId,
  tenant_id: (identity) => identity.projectId,
  tenant: (identity) => identity.projectId,
  project_name: (identity) => identity.projectName,
  project_domain_id: (identity) => identity.projectDomainId,
  project_domain_name: (identity) => identity.projectDomainName,
  domain_id: (identity) => identity.domainId,
  domain_name: (identity) => identity.domainName,
  system_scope: (identity) => (identity.system ? 'all' : undefined),
  roles: (identity) => identity.roles,
  service_roles: (identity) => identity.serviceRoles,
  is_admin: (identity) => (hasRole(identity.roles, 'admin') ? 'True' : 'False'),
  // As oslo.context: true unless keystone has an admin project and says otherwise; ours has none.
  is_admin_project: () => 'True',
}

export const attributeNames: readonly string[] = Object.keys(attributes)

export function attribute(name: string): Attribute | undefined {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined
}

/** Role names compare without regard to case. `wanted` is in lower case. */
export function hasRole(roles: readonly string[], wanted: string): boolean {
  for (const role of roles) if (role === wanted || (role.length === wanted.length && role.toLowerCase() === wanted)) return true
  return false
}

/** The left side as a value of its own: `'text'`, `"text"`, a number, True, False or None, as Python would print it. */
export function literal(text: string): string | undefined {
  const quoted = /^'([^']*)'$|^"([^"]*)"$/.exec(text)
  if (quoted) return quoted[1] ?? quoted[2]
  return /^(-?\d+(\.\d+)?|True|False|None)$/.test(text) ? text : undefined
}

/** The right side: plain text with `%(path)s` in it. Undefined when a percent sign stands for nothing known. */
export function template(text: string): Template | undefined {
  const whole = /^%\(([^()]+)\)s$/.exec(text)?.[1]
  if (whole !== undefined) return lookUp(whole)
  const parts = text.split(/(%\([^()]+\)s|%%)/).map((part, index): string | Template => {
    if (index % 2 === 0) return part
    return part === '%%' ? '%' : lookUp(part.slice(2, -2))
  })
  if (parts.some((part, index) => index % 2 === 0 && typeof part === 'string' && part.includes('%'))) return undefined
  if (parts.every((part) => typeof part === 'string')) {
    const fixed = parts.join('')
    return () => fixed
  }
  return (target) => {
    let made = ''
    for (const part of parts) {
      const piece = typeof part === 'string' ? part : part(target)
      if (piece === undefined) return undefined
      made += piece
    }
    return made
  }
}

/** Neutron and older policies say tenant_id where newer ones say project_id; a target may have either. */
const otherNames: Readonly<Record<string, string>> = { tenant_id: 'project_id', project_id: 'tenant_id' }

/** A value of the target as text: under its whole name (`network:tenant_id`), or following a path (`target.user.id`). */
export function lookUp(name: string): Template {
  const path = name.split('.')
  const otherName = otherNames[name]
  return (target) => {
    const direct = target[name]
    if (direct !== undefined) return asText(direct)
    if (otherName !== undefined) return asText(target[otherName])
    if (path.length === 1) return undefined
    let value: unknown = target
    for (const key of path) {
      if (typeof value !== 'object' || value === null) return undefined
      value = (value as Target)[key]
    }
    return asText(value)
  }
}

/** As Python's str() prints it, since checks are written for that. */
function asText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value
    case 'boolean':
      return value ? 'True' : 'False'
    case 'number':
    case 'bigint':
      return String(value)
    default:
      return value === null ? 'None' : undefined
  }
}
