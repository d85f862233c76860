// Reads the small languages in placement's queries: resources, required, member_of, in_tree and the groups of them.
import { BadRequest } from '#core/errors'
import type { Version } from '#core/spec'
import type { CandidateRequest, Group } from '../domain/candidates.ts'
import type { AggregateFilter, TraitFilter } from '../domain/filters.ts'
import { BadQueryValue, MissingQueryValue, RepeatedQueryKey } from '../model/errors.ts'

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>

const all = (value: string | readonly string[] | undefined): readonly string[] => (value === undefined ? [] : typeof value === 'string' ? [value] : value)
const isUuid = (text: string): boolean => /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(text)

/** `VCPU:2,MEMORY_MB:1024` */
export function readResources(text: string | undefined): Map<string, number> {
  const resources = new Map<string, number>()
  if (text === undefined) return resources
  const badlyFormed = (got: string) => new BadRequest(`Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024. Got: ${got.slice(0, 80)}.`)
  if (text.trim() === '') throw badlyFormed('empty string')
  for (const item of text.split(',')) {
    const [name = '', amount, ...more] = item.split(':')
    if (name === '' || amount === undefined || more.length > 0) throw badlyFormed(item)
    if (!/^\s*[+-]?\d{1,15}\s*$/.test(amount)) throw new BadRequest(`Requested resource ${name} expected positive integer amount. Got: ${amount.slice(0, 80)}.`)
    if (Number(amount) < 1) throw new BadRequest(`Requested resource ${name} requires amount >= 1. Got: ${Number(amount)}.`)
    resources.set(name, Number(amount))
  }
  return resources
}

/** `A,!B`, and from 1.39 on `in:C,D`, also repeated. */
export function readTraits(values: string | readonly string[] | undefined, version: Version): TraitFilter {
  const anyTraits = version.atLeast('1.39')
  const requiredTraits: ReadonlySet<string>[] = []
  const forbiddenTraits = new Set<string>()
  // Before 1.39 the last of repeated ones counts.
  for (const value of anyTraits ? all(values) : all(values).slice(-1)) readTraitsInto(value, { anyTraits, mayForbid: version.atLeast('1.22') }, requiredTraits, forbiddenTraits)
  return { requiredTraits, forbiddenTraits }
}

function readTraitsInto(value: string, may: { anyTraits: boolean; mayForbid: boolean }, required: ReadonlySet<string>[], forbidden: Set<string>): void {
  const refuse = (why: string) => new BadRequest(`Invalid query string parameters: ${why} Got: ${value.slice(0, 200)}`)
  const anyOf = value.startsWith('in:')
  const several = "The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC'"
  if (anyOf && !may.anyTraits) throw refuse(`${several} only supported since microversion 1.39.`)
  const names = (anyOf ? value.slice(3) : value).split(',').map((name) => name.trim())
  const expected = `Expected 'required' parameter value of the form: ${anyOf ? 'in:' : ''}HW_CPU_X86_VMX,${may.mayForbid && !anyOf ? '!' : ''}CUSTOM_MAGIC.`
  if (names.some((name) => name.replace(/^!+/, '') === '')) throw new BadRequest(`Invalid query string parameters: ${expected} Got an empty trait in: ${value.slice(0, 200)}`)
  if (anyOf) {
    if (names.some((name) => name.startsWith('!'))) throw refuse(`${several} does not support forbidden traits.`)
    required.push(new Set(names))
    return
  }
  for (const name of names) {
    if (!name.startsWith('!')) required.push(new Set([name]))
    else if (may.mayForbid) forbidden.add(name.replace(/^!+/, ''))
    else throw refuse(expected)
  }
}

/** An id, `in:` several, and from 1.32 on `!` or `!in:` before them. */
export function readAggregates(values: string | readonly string[] | undefined, version: Version, suffix = ''): AggregateFilter {
  const memberOf: ReadonlySet<string>[] = []
  const forbiddenAggregates = new Set<string>()
  const texts = all(values)
  if (texts.length > 1 && !version.atLeast('1.24')) throw new BadRequest(`Multiple member_of${suffix} parameters are not supported`)
  for (const text of texts) {
    const [, not, list, rest = ''] = /^(!)?(in:)?(.*)$/s.exec(text) ?? []
    const ids = list ? rest.split(',') : [rest]
    if (rest.includes(',') && !list) throw new BadRequest(`Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the valid microversion. Got: ${text.slice(0, 200)}`)
    const wrong = ids.find((id) => !isUuid(id))
    if (wrong !== undefined) throw new BadRequest(`Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: ${wrong.slice(0, 80)}`)
    if (!not) memberOf.push(new Set(ids))
    else if (version.atLeast('1.32')) for (const id of ids) forbiddenAggregates.add(id)
    else throw new BadRequest(`Forbidden member_of${suffix} parameters are not supported in the specified microversion`)
  }
  return { memberOf, forbiddenAggregates }
}

function readInTree(values: string | readonly string[] | undefined): string | undefined {
  const text = all(values).at(-1)?.trim()
  if (text !== undefined && !isUuid(text)) throw new BadRequest(`Invalid query string parameters: Expected 'in_tree' parameter to be a format of uuid. Got: ${text.slice(0, 80)}`)
  return text
}

const groupKey = /^(?:resources|required|member_of|in_tree)(.*)$/

/** The request behind `GET /allocation_candidates`; the schema of the version has checked the keys. */
export function readCandidateRequest(query: Query, version: Version): CandidateRequest {
  const suffixes = new Set<string>()
  for (const key of Object.keys(query)) {
    const suffix = groupKey.exec(key)?.[1]
    if (suffix !== undefined) suffixes.add(suffix)
  }
  const groups = [...suffixes].map((suffix): Group => ({
    suffix,
    resources: readResources(all(query[`resources${suffix}`]).at(-1)),
    ...readTraits(query[`required${suffix}`], version),
    ...readAggregates(query[`member_of${suffix}`], version, suffix),
    inTree: readInTree(query[`in_tree${suffix}`]),
  }))
  const sameSubtrees = all(query['same_subtree']).map(readSuffixes)
  if (version.atLeast('1.36')) checkGroups(groups, sameSubtrees)
  else checkOldGroups(groups)
  checkTraits(groups)
  const policy = all(query['group_policy'])[0]
  if (policy === undefined && groups.filter((group) => group.suffix !== '').length > 1) {
    throw new BadRequest('The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.')
  }
  const limit = all(query['limit'])[0]
  return {
    groups, sameSubtrees, isolate: policy === 'isolate', root: readRoot(query['root_required']),
    limit: limit === undefined ? undefined : Number(limit), nestedAware: version.atLeast('1.29'),
  }
}

function readSuffixes(text: string): ReadonlySet<string> {
  const suffixes = new Set(text.split(',').map((each) => each.trim()))
  if (suffixes.has('')) throw new BadQueryValue('Empty string (unsuffixed group) can not be specified in `same_subtree` ')
  return suffixes
}

function readRoot(values: string | readonly string[] | undefined): TraitFilter {
  if (all(values).length > 1) throw new RepeatedQueryKey("Query parameter 'root_required' may be specified only once.")
  const requiredTraits: ReadonlySet<string>[] = []
  const forbiddenTraits = new Set<string>()
  for (const value of all(values)) readTraitsInto(value, { anyTraits: false, mayForbid: true }, requiredTraits, forbiddenTraits)
  const both = requiredTraits.flatMap((any) => [...any]).filter((name) => forbiddenTraits.has(name))
  if (both.length > 0) throw new BadQueryValue(`Conflicting required and forbidden traits found in root_required: ${both.join(', ')}`)
  return { requiredTraits, forbiddenTraits }
}

const listed = (suffixes: readonly string[]) => `[${suffixes.map((suffix) => `'${suffix}'`).join(', ')}]`

function checkGroups(groups: readonly Group[], sameSubtrees: readonly ReadonlySet<string>[]): void {
  const without = groups.filter((group) => group.resources.size === 0)
  if (without.length === groups.length) throw new MissingQueryValue('There must be at least one resources or resources[$S] parameter.')
  const joined = new Set(sameSubtrees.flatMap((suffixes) => [...suffixes]))
  const alone = without.filter((group) => !joined.has(group.suffix)).map((group) => group.suffix)
  if (alone.length > 0) throw new BadQueryValue(`Resourceless suffixed group request should be specified in \`same_subtree\` query param: bad group(s) - ${listed(alone)}.`)
  const unknown = [...joined].filter((suffix) => !groups.some((group) => group.suffix === suffix))
  if (unknown.length > 0) throw new BadQueryValue(`Real suffixes should be specified in \`same_subtree\`: ${listed(unknown)} not found in ${listed(groups.map((group) => group.suffix))}.`)
}

function checkOldGroups(groups: readonly Group[]): void {
  const without = groups.filter((group) => group.resources.size === 0)
  const traits = without.filter((group) => group.requiredTraits.length > 0).map(({ suffix }) => `required${suffix}`)
  if (traits.length > 0) throw new BadRequest(`All traits parameters must be associated with resources.  Found the following orphaned traits keys: ${traits.join(', ')}`)
  const members = without.filter((group) => group.memberOf.length > 0 || group.forbiddenAggregates.size > 0).map(({ suffix }) => `member_of${suffix}`)
  if (members.length > 0) throw new BadRequest(`All member_of parameters must be associated with resources. Found the following orphaned member_of keys: ${members.join(', ')}`)
  if (without.length > 0) throw new BadRequest('All request groups must specify resources.')
  if (groups.length === 0) throw new BadRequest('At least one request group (`resources` or `resources{$S}`) is required.')
}

function checkTraits(groups: readonly Group[]): void {
  const wrong = groups.flatMap((group) =>
    group.requiredTraits.filter((any) => any.isSubsetOf(group.forbiddenTraits)).map((any) => `required${group.suffix}: (${[...any].sort().join(', ')})`))
  if (wrong.length > 0) throw new BadRequest(`Conflicting required and forbidden traits found in the following traits keys: ${wrong.sort().join(', ')}`)
}
