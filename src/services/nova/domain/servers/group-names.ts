// The names of security groups behind the ids on ports. Remembered for a while: servers are shown far more often than groups renamed.
import type { RequestContext } from '#core/context'
import type { ServerRows } from '../../db/instances.ts'
import { securityGroupNames } from '../../neighbours/network.ts'
import type { Nova } from '../nova.ts'

interface Remembered {
  readonly name: string
  readonly until: number
}

const keptMs = 30_000
const keptNames = 5000
const remembered = new WeakMap<Nova, Map<string, Remembered>>()

export async function groupNames(nova: Nova, ctx: RequestContext, servers: readonly ServerRows[]): Promise<ReadonlyMap<string, string>> {
  const ids = new Set(servers.flatMap(({ ports }) => ports.flatMap((port) => JSON.parse(port.security_groups) as string[])))
  const now = nova.runtime.clock.monotonic()
  let memory = remembered.get(nova)
  if (!memory) remembered.set(nova, (memory = new Map()))
  const names = new Map<string, string>()
  const missing: string[] = []
  for (const id of ids) {
    const known = memory.get(id)
    if (known && known.until > now) names.set(id, known.name)
    else missing.push(id)
  }
  if (missing.length === 0) return names
  if (memory.size > keptNames) memory.clear()
  for (const [id, name] of await securityGroupNames(nova.runtime, ctx, missing)) {
    memory.set(id, { name, until: now + keptMs })
    names.set(id, name)
  }
  return names
}
