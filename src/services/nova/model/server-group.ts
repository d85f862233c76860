// Servers that shall stand together on one host, or apart.

export const groupPolicies = ['affinity', 'anti-affinity', 'soft-affinity', 'soft-anti-affinity'] as const
export type GroupPolicy = (typeof groupPolicies)[number]

export interface ServerGroup {
  readonly id: string
  readonly name: string
  readonly projectId: string
  readonly userId: string
  readonly policy: GroupPolicy
  /** Of an anti-affinity group: so many of its servers may share a host; one when absent. */
  readonly maxServerPerHost?: number
  /** The servers in it that are not being deleted. */
  readonly members: readonly string[]
}
