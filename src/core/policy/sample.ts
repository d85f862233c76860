// A policy file with every rule commented out at its default, and above it what it is for and where it holds.
import type { RouteSpec, RouteTable } from '#core/spec'
import type { Rule } from './compile.ts'

/** @param api the routes that ask for the rules, by which each rule's operations are found */
export function samplePolicy(rules: readonly Rule[], api: { readonly prefix: string; readonly tables: readonly RouteTable[] }): string {
  const operations = new Map<string, string[]>()
  for (const spec of api.tables.flatMap((table) => Object.values(table.routes))) {
    const operation = `${spec.method} ${api.prefix}${spec.path.replace(/:([A-Za-z_]+)/g, '{$1}')}${spec.action === undefined ? '' : ` (${spec.action})`}`
    for (const rule of rulesOf(spec)) operations.set(rule, [...(operations.get(rule) ?? []), operation])
  }
  return rules.map((rule) => ruleLines(rule, operations.get(rule.name) ?? []).join('\n')).join('\n\n') + '\n'
}

function rulesOf({ policy }: RouteSpec): readonly string[] {
  if (typeof policy === 'string') return [policy]
  return typeof policy === 'object' ? policy.deferred : []
}

function ruleLines({ name, check, description, scopes }: Rule, operations: readonly string[]): string[] {
  return [
    ...(description === '' ? [] : [`# ${description}`]),
    ...operations.map((operation) => `# ${operation}`),
    ...(scopes ? [`# Scope: ${scopes.join(', ')}`] : []),
    `#${JSON.stringify(name)}: ${JSON.stringify(check)}`,
  ]
}
