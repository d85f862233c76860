// All policy rules of the compute API: each noun declares its own, this joins them.
import { compilePolicy, type Policy, type Rule } from '#core/policy'
import { flavorRules } from './policies/flavors.ts'
import { hostRules } from './policies/hosts.ts'
import { keypairRules } from './policies/keypairs.ts'
import { quotaRules } from './policies/quotas.ts'
import { serverGroupRules } from './policies/server-groups.ts'
import { serverRules } from './policies/servers.ts'

export const novaRules: readonly Rule[] = [...serverRules, ...flavorRules, ...keypairRules, ...hostRules, ...quotaRules, ...serverGroupRules]

export function novaPolicy(overrides: Readonly<Record<string, string>> = {}): Policy {
  return compilePolicy(novaRules, overrides)
}
