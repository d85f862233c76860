// Weighers by upstream's names: each gives a host a number, scaled over all hosts to 0…1 and multiplied; the sums decide.
import type { NovaSettings } from '../../config.ts'
import type { PlacedGroup } from '../../model/server.ts'
import type { HostState, Room } from './hosts.ts'

export type Candidate = { readonly host: HostState; readonly room: Room }

interface Weigher {
  readonly name: string
  readonly multiplier: (settings: NovaSettings) => number
  readonly weigh: (candidate: Candidate, group: PlacedGroup | undefined) => number
}

export const weighers: readonly Weigher[] = [
  { name: 'RAMWeigher', multiplier: (settings) => settings.ram_weight_multiplier, weigh: ({ room }) => room.ramMiB },
  { name: 'CPUWeigher', multiplier: (settings) => settings.cpu_weight_multiplier, weigh: ({ room }) => room.vcpus },
  { name: 'DiskWeigher', multiplier: (settings) => settings.disk_weight_multiplier, weigh: ({ room }) => room.diskGiB },
  { name: 'IoOpsWeigher', multiplier: (settings) => settings.io_ops_weight_multiplier, weigh: ({ host }) => host.tasks },
  {
    name: 'ServerGroupSoftAffinityWeigher', multiplier: (settings) => settings.soft_affinity_weight_multiplier,
    weigh: ({ host }, group) => (group?.policy === 'soft-affinity' ? (group.hosts[host.host] ?? 0) : 0),
  },
  {
    name: 'ServerGroupSoftAntiAffinityWeigher', multiplier: (settings) => settings.soft_anti_affinity_weight_multiplier,
    weigh: ({ host }, group) => (group?.policy === 'soft-anti-affinity' ? -(group.hosts[host.host] ?? 0) : 0),
  },
  { name: 'NumInstancesWeigher', multiplier: (settings) => settings.num_instances_weight_multiplier, weigh: ({ host }) => host.servers },
]

/** The best first; hosts of equal weight stay in the order in which they came. */
export function rank<C extends Candidate>(candidates: readonly C[], settings: NovaSettings, group?: PlacedGroup): readonly C[] {
  if (candidates.length < 2) return candidates
  const sums = new Map<C, number>(candidates.map((candidate) => [candidate, 0]))
  for (const weigher of weighers) {
    const multiplier = weigher.multiplier(settings)
    if (multiplier === 0) continue
    const weights = candidates.map((candidate) => weigher.weigh(candidate, group))
    const [least, most] = [Math.min(...weights), Math.max(...weights)]
    if (least === most) continue
    candidates.forEach((candidate, at) => sums.set(candidate, (sums.get(candidate) ?? 0) + multiplier * (((weights[at] ?? 0) - least) / (most - least))))
  }
  return [...candidates].sort((a, b) => (sums.get(b) ?? 0) - (sums.get(a) ?? 0))
}
