// Writes docs/generated/: the OpenAPI document and the policy sample of each service, and the configuration sample.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as cinder from '#contract/cinder'
import * as glance from '#contract/glance'
import * as keystone from '#contract/keystone'
import * as neutron from '#contract/neutron'
import * as nova from '#contract/nova'
import * as placement from '#contract/placement'
import { sampleConfig } from '#core/config'
import { eventRules, explainRoutes, requestRoutes } from '#core/events'
import { openApi } from '#core/http'
import { type Rule, samplePolicy } from '#core/policy'
import type { RouteTable, VersionList } from '#core/spec'
import { configurationSections } from '../src/app/configuration.ts'
import { cinderPolicy } from '../src/services/cinder/api/policy.ts'
import { glanceRules } from '../src/services/glance/api/policy.ts'
import { policyRules as keystoneRules } from '../src/services/keystone/api/policy.ts'
import { policyRules as neutronRules } from '../src/services/neutron/domain/policy.ts'
import { novaRules } from '../src/services/nova/api/policy.ts'
import { placementRules } from '../src/services/placement/api/policy.ts'

interface Documented {
  readonly name: string
  readonly prefix: string
  readonly contract: readonly unknown[]
  readonly rules: readonly Rule[]
  readonly versions?: VersionList
  readonly projectInPath?: true
}

const services: readonly Documented[] = [
  { name: 'keystone', prefix: '/v3', contract: Object.values(keystone), rules: keystoneRules },
  { name: 'placement', prefix: '', contract: Object.values(placement), rules: placementRules, versions: placement.placementVersions },
  { name: 'glance', prefix: '/v2', contract: Object.values(glance), rules: glanceRules },
  { name: 'neutron', prefix: '/v2.0', contract: Object.values(neutron), rules: neutronRules },
  { name: 'cinder', prefix: '/v3', contract: Object.values(cinder), rules: cinderPolicy, versions: cinder.cinderVersions, projectInPath: true },
  { name: 'nova', prefix: '/v2.1', contract: Object.values(nova), rules: novaRules, versions: nova.computeVersions, projectInPath: true },
  { name: 'nimbo', prefix: '/v1', contract: [explainRoutes, requestRoutes], rules: eventRules },
]

export const folder = join(import.meta.dirname, '..', 'docs', 'generated')

/** What each file below the folder should hold. */
export async function generated(): Promise<ReadonlyMap<string, string>> {
  const files = new Map([['nimbo.toml', sampleConfig(await configurationSections())]])
  for (const { name, prefix, contract, rules, versions, projectInPath = false } of services) {
    const tables = routeTables(contract)
    files.set(`openapi/${name}.json`, lineByLine(openApi({ title: name, prefix, tables, ...(versions && { versions }), projectInPath })))
    files.set(`policy/${name}.yaml`, samplePolicy(rules, { prefix, tables }))
  }
  return files
}

export function routeTables(exported: readonly unknown[]): RouteTable[] {
  return exported.filter((value): value is RouteTable => typeof value === 'object' && value !== null && 'routes' in value)
}

/** JSON with one operation to a line: short, and a change shows where it is. */
function lineByLine({ paths, ...rest }: Readonly<Record<string, unknown>>): string {
  const lines = (value: object, each: (inner: unknown) => string) => Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${each(inner)}`).join(',\n')
  const operations = lines(paths as object, (item) => `{\n${lines(item as object, (operation) => JSON.stringify(operation))}\n}`)
  return `{\n${lines(rest, (value) => JSON.stringify(value))},\n"paths": {\n${operations}\n}\n}\n`
}

if (import.meta.main) {
  rmSync(folder, { recursive: true, force: true })
  for (const [file, text] of await generated()) {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}
