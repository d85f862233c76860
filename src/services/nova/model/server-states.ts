// The states of a server: what it is (vm state), what is being done to it (task state), its power; and the one status
// that the API shows for them (nova/api/openstack/common.py, _STATE_MAP).

export const vmStates = ['building', 'active', 'stopped', 'paused', 'suspended', 'rescued', 'resized', 'shelved', 'shelved_offloaded', 'soft-delete', 'error', 'deleted'] as const
export type VmState = (typeof vmStates)[number]

/** As `OS-EXT-STS:power_state` shows it. */
export const power = { unknown: 0, running: 1, paused: 3, shutdown: 4, crashed: 6, suspended: 7 } as const

/** Who locked a server; 0 when nobody did. */
export const [byOwner, byAdmin] = [1, 2] as const

const statuses: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  active: {
    default: 'ACTIVE', rebooting: 'REBOOT', reboot_pending: 'REBOOT', reboot_started: 'REBOOT',
    rebooting_hard: 'HARD_REBOOT', reboot_pending_hard: 'HARD_REBOOT', reboot_started_hard: 'HARD_REBOOT',
  },
  building: { default: 'BUILD' },
  stopped: { default: 'SHUTOFF' },
  resized: { default: 'VERIFY_RESIZE' },
  paused: { default: 'PAUSED' },
  suspended: { default: 'SUSPENDED' },
  rescued: { default: 'RESCUE' },
  error: { default: 'ERROR' },
  deleted: { default: 'DELETED' },
  'soft-delete': { default: 'SOFT_DELETED' },
  shelved: { default: 'SHELVED' },
  shelved_offloaded: { default: 'SHELVED_OFFLOADED' },
}

export function statusOf(vmState: string, taskState: string | null): string {
  const byTask = statuses[vmState]
  return byTask?.[taskState ?? 'default'] ?? byTask?.['default'] ?? 'UNKNOWN'
}

/** The states behind statuses as a client names them; without any, no server has such a status. */
export function statesOf(wanted: readonly string[]): { readonly vmStates: readonly string[]; readonly taskStates: readonly string[] } {
  const names = new Set(wanted.map((status) => status.toUpperCase()))
  const found = { vmStates: new Set<string>(), taskStates: new Set<string>() }
  for (const [vmState, byTask] of Object.entries(statuses)) {
    for (const [taskState, status] of Object.entries(byTask)) {
      if (!names.has(status)) continue
      found.vmStates.add(vmState)
      found.taskStates.add(taskState)
    }
  }
  return { vmStates: [...found.vmStates], taskStates: [...found.taskStates] }
}
