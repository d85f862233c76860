// What every noun does when it is written: unknown keys are kept, names are unique, immutable things stay.
import { isUniqueViolation } from '#core/db'
import { Conflict } from '#core/errors'
import { Refused, ValidationError } from '../model/errors.ts'

/** The keys of a body that are no columns of ours; they are kept as they came. */
export function extraOf(body: Readonly<Record<string, unknown>>, known: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([key]) => !known.includes(key) && key !== 'id' && key !== 'links'))
}

/** The kept keys with a body's put over them. */
export function mergedExtra(kept: string, body: Readonly<Record<string, unknown>>, known: readonly string[]): string {
  return JSON.stringify({ ...(JSON.parse(kept) as object), ...extraOf(body, known) })
}

/** Options with a change put over them; null takes one away. */
export function mergedOptions(kept: string, change: Readonly<Record<string, unknown>> | undefined): string {
  if (!change) return kept
  const merged = { ...(JSON.parse(kept) as Record<string, unknown>), ...change }
  return JSON.stringify(Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)))
}

/** What a conflict says of the name that is taken; of the domain where the request names one. */
export function duplicate(name: string | undefined, domainId?: string | null): string {
  return `Duplicate entry found with name ${name}${domainId ? ` at domain ID ${domainId}` : ''}.`
}

/** @throws Conflict in place of a broken unique constraint */
export async function storing<T>(kind: string, why: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isUniqueViolation(error)) throw new Conflict(`Conflict occurred attempting to store ${kind} - ${why}`, {}, error)
    throw error
  }
}

interface WithOptions {
  readonly id: string
  readonly options: string
}

/** @throws Refused when the resource is immutable, unless the change is the one that ends this */
export function assertMutable(kind: string, row: WithOptions, change?: Readonly<Record<string, unknown>>): void {
  const immutable = (JSON.parse(row.options) as { immutable?: unknown }).immutable === true
  if (!immutable) return
  const options = change?.['options'] as { immutable?: unknown } | undefined
  if (options && 'immutable' in options && options.immutable !== true) return
  throw new Refused(`Unable to ${change ? 'update' : 'delete'} immutable ${kind} resource: \`${row.id}. Set resource option "immutable" to false first.`)
}

/** @throws ValidationError for a change that names the id of something else */
export function assertSameId({ id: named }: Readonly<Record<string, unknown>>, id: string): void {
  if (named !== undefined && named !== null && named !== id) throw new ValidationError('Cannot change ID')
}
