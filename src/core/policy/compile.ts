// From rules to closures: each check is read once, so that asking costs well under a microsecond.
import type { Identity } from '../context/request.ts'
import { PolicySyntaxError, parseCheck, type Check, type CheckList } from './parse.ts'
import { attribute, attributeNames, hasRole, literal, lookUp, template, type Target, type Template } from './values.ts'

export type Scope = 'project' | 'system' | 'domain'

export interface Rule {
  /** Upstream's name: `os_compute_api:servers:create`. */
  readonly name: string
  readonly check: string
  readonly description: string
  /** The kinds of token that may use it; any when absent. */
  readonly scopes?: readonly Scope[]
}

export interface Policy {
  /** @throws Error for a name that no rule has: a mistake of ours, not of the caller */
  allows(rule: string, identity: Identity, target: Target): boolean
  /** The rules in force, overrides included. */
  readonly rules: readonly Rule[]
}

type Test = (identity: Identity, target: Target) => boolean

interface Compiled {
  readonly test: Test
  readonly scopes: readonly Scope[] | undefined
}

/**
 * @param overrides checks that replace a rule's own, by name; other names are rules that checks may refer to
 * @throws PolicySyntaxError with the rule and the position, also for a cycle or a reference to nothing
 */
export function compilePolicy(rules: readonly Rule[], overrides: Readonly<Record<string, string | CheckList>> = {}): Policy {
  const names = new Set(rules.map((rule) => rule.name))
  if (names.size !== rules.length) throw new Error(`A policy rule is declared twice: ${twice(rules)}`)
  const checks = new Map<string, string | CheckList>(rules.map((rule) => [rule.name, rule.check]))
  for (const [name, check] of Object.entries(overrides)) checks.set(name, check)
  const compiler = new Compiler(checks)
  const compiled = new Map<string, Compiled>()
  for (const rule of rules) compiled.set(rule.name, { test: compiler.rule(rule.name), scopes: rule.scopes })
  for (const name of Object.keys(overrides)) compiler.rule(name)
  return {
    rules: rules.map((rule) => ({ ...rule, check: asString(checks.get(rule.name) ?? '') })),
    allows(name, identity, target) {
      const rule = compiled.get(name)
      if (!rule) throw new Error(`No policy rule has the name ${name}`)
      return (rule.scopes === undefined || rule.scopes.includes(scopeOf(identity))) && rule.test(identity, target)
    },
  }
}

/** As oslo.policy: a token that is neither for the system nor for a domain counts as one for a project. */
function scopeOf(identity: Identity): Scope {
  if (identity.system) return 'system'
  return identity.domainId === undefined ? 'project' : 'domain'
}

class Compiler {
  readonly #checks: ReadonlyMap<string, string | CheckList>
  readonly #done = new Map<string, Test>()
  readonly #underway: string[] = []

  constructor(checks: ReadonlyMap<string, string | CheckList>) {
    this.#checks = checks
  }

  rule(name: string): Test {
    const done = this.#done.get(name)
    if (done) return done
    this.#underway.push(name)
    const test = this.#compile(name, parseCheck(name, this.#checks.get(name) ?? ''))
    this.#underway.pop()
    this.#done.set(name, test)
    return test
  }

  #compile(rule: string, check: Check): Test {
    switch (check.kind) {
      case 'always':
        return () => true
      case 'never':
        return () => false
      case 'not': {
        const part = this.#compile(rule, check.part)
        return (identity, target) => !part(identity, target)
      }
      case 'and':
        return all(check.parts.map((part) => this.#compile(rule, part)))
      case 'or':
        return any(check.parts.map((part) => this.#compile(rule, part)))
      case 'match':
        return this.#match(rule, check.left, check.right, check.position)
    }
  }

  #match(rule: string, left: string, right: string, position: number): Test {
    if (left === 'rule') return this.#reference(rule, right, position)
    if (left === 'field') return field(right) ?? this.#fail(rule, position, 'a field check should look like field:networks:shared=True')
    if (left === 'http' || left === 'https') this.#fail(rule, position, 'checks that ask another server are not supported')
    const made = template(right) ?? this.#fail(rule, position, `“${right}” has a percent sign that is not part of %(name)s`)
    if (left === 'role') return role(right, made)
    const fixed = literal(left)
    if (fixed !== undefined) return (_identity, target) => made(target) === fixed
    const read = attribute(left)
    // Upstream takes an unknown attribute for one that is absent; under a “not” that would allow what was to be refused.
    if (!read) this.#fail(rule, position, `nothing is known of a caller under the name “${left}”, only ${attributeNames.join(', ')}`)
    return (identity, target) => {
      const value = read(identity)
      if (value === undefined) return false
      const wanted = made(target)
      if (wanted === undefined) return false
      return typeof value === 'string' ? value === wanted : value.includes(wanted)
    }
  }

  #reference(rule: string, name: string, position: number): Test {
    if (this.#underway.includes(name)) {
      const cycle = [...this.#underway.slice(this.#underway.indexOf(name)), name]
      this.#fail(rule, position, `it refers to itself: ${cycle.join(' → ')}`)
    }
    if (!this.#checks.has(name)) this.#fail(rule, position, `there is no rule ${name}`)
    return this.rule(name)
  }

  #fail(rule: string, position: number, problem: string): never {
    throw new PolicySyntaxError(rule, position, problem)
  }
}

function all(tests: readonly Test[]): Test {
  return (identity, target) => {
    for (const test of tests) if (!test(identity, target)) return false
    return true
  }
}

function any(tests: readonly Test[]): Test {
  return (identity, target) => {
    for (const test of tests) if (test(identity, target)) return true
    return false
  }
}

function role(text: string, made: Template): Test {
  if (!text.includes('%')) {
    const wanted = text.toLowerCase()
    return (identity) => hasRole(identity.roles, wanted)
  }
  return (identity, target) => {
    const wanted = made(target)
    return wanted !== undefined && hasRole(identity.roles, wanted.toLowerCase())
  }
}

/** Neutron's own check: `field:networks:router:external=True`, `field:port:device_owner=~^network:`. */
function field(text: string): Test | undefined {
  const found = /^[^:=]+:([^=]+)=(.+)$/.exec(text)
  const [name, wanted] = [found?.[1], found?.[2]]
  if (name === undefined || wanted === undefined) return undefined
  const read = lookUp(name)
  if (!wanted.startsWith('~')) return (_identity, target) => read(target) === wanted
  const pattern = patternFrom(wanted.slice(1))
  if (!pattern) return undefined
  return (_identity, target) => {
    const value = read(target)
    return value !== undefined && pattern.test(value)
  }
}

function patternFrom(source: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${source})`)
  } catch {
    return undefined
  }
}

function asString(check: string | CheckList): string {
  if (typeof check === 'string') return check
  if (check.length === 0) return '@'
  const groups = check.map((inner) => (typeof inner === 'string' ? [inner] : inner)).filter((inner) => inner.length > 0)
  return groups.length === 0 ? '!' : groups.map((inner) => `(${inner.join(' and ')})`).join(' or ')
}

function twice(rules: readonly Rule[]): string {
  return rules.map((rule) => rule.name).filter((name, index, names) => names.indexOf(name) !== index).join(', ')
}
