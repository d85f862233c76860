// Who may: rules for whole objects and for single attributes, and whose a new object becomes.
import type { RequestContext } from '#core/context'
import { BadRequest } from '#core/errors'
import type { Target } from '#core/policy'
import { disallowed } from '../model/errors.ts'
import type { Neutron } from './neutron.ts'

export type { Target }

export function allows(neutron: Neutron, ctx: RequestContext, rule: string, target: Target): boolean {
  return neutron.policy.allows(rule, ctx.identity, target)
}

/** A rule, or several that must all allow: grouped as upstream does, since its faults show them (neutron/policy.py, _build_match_rule). */
export type Check = string | readonly Check[]

const rulesOf = (check: Check): readonly string[] => (typeof check === 'string' ? [check] : check.flatMap(rulesOf))
const checkText = (check: Check): string => (typeof check === 'string' ? `rule:${check}` : `(${check.map(checkText).join(' and ')})`)

/**
 * @param attributes the checks of those attributes that are set
 * @throws PolicyNotAuthorized
 */
export function authorize(neutron: Neutron, ctx: RequestContext, rule: string, target: Target, attributes: readonly Check[] = []): void {
  const check = attributes.reduce((all, each) => [all, each], rule as Check)
  if (!rulesOf(check).every((each) => allows(neutron, ctx, each, target))) throw disallowed(checkText(check))
}

/** The checks of those attributes that a body sets, and of what their items say. `defaults` are values that nobody needs a right for. */
export function attributeChecks(rule: string, body: Readonly<Record<string, unknown>>, names: readonly string[], defaults: Readonly<Record<string, unknown>> = {}): readonly Check[] {
  return names.flatMap((name): readonly Check[] => {
    const value = body[name]
    if (value === undefined || value === defaults[name] || (name in defaults && String(value).toLowerCase() === String(defaults[name]))) return []
    const own = `${rule}:${name}`
    const parts = Array.isArray(value) ? value.flatMap((item: object) => Object.keys(item).map((key) => `${own}:${key}`)) : []
    return [parts.length === 0 ? own : [own, parts]]
  })
}

/** Of the attributes whose sight has a rule of its own, those that the caller may not see. */
export function hiddenAttributes(neutron: Neutron, ctx: RequestContext, noun: 'network' | 'port'): ReadonlySet<string> {
  const start = `get_${noun}:`
  return new Set(neutron.policy.rules.flatMap(({ name }) => (name.startsWith(start) && !allows(neutron, ctx, name, {}) ? [name.slice(start.length)] : [])))
}

export function isAdmin(neutron: Neutron, ctx: RequestContext): boolean {
  return allows(neutron, ctx, 'context_is_admin', {})
}

/** Administrators and services look beyond their own project. */
export function seesAll(neutron: Neutron, ctx: RequestContext): boolean {
  return isAdmin(neutron, ctx) || allows(neutron, ctx, 'service_api', {})
}

/**
 * Whose a new object becomes.
 *
 * @throws BadRequest where both names of the owner differ, or somebody names another project than their own
 */
export function ownerOf(neutron: Neutron, ctx: RequestContext, body: { readonly tenant_id?: string; readonly project_id?: string }): string {
  const { tenant_id: tenant, project_id: project } = body
  if (tenant !== undefined && project !== undefined && tenant !== project) throw new BadRequest("'project_id' and 'tenant_id' do not match")
  const named = project ?? tenant
  const own = ctx.identity.projectId ?? ''
  if (named === undefined || named === '') {
    if (own === '') throw new BadRequest('Running without keystone AuthN requires that project_id is specified')
    return own
  }
  if (named !== own && !isAdmin(neutron, ctx) && !allows(neutron, ctx, 'service_api', {})) {
    throw new BadRequest("Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges")
  }
  return named
}

/** A boolean in any spelling that the schema let through. */
export function toFlag(value: unknown, absent: boolean): boolean {
  if (value === undefined || value === null) return absent
  return typeof value === 'boolean' ? value : /^(true|1|yes|on|t|y)$/i.test(String(value))
}

export const bit = (value: boolean): 0 | 1 => (value ? 1 : 0)
