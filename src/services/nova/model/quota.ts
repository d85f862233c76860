// What nova limits, and what each counts against: a project's servers, a user's keypairs, or the items of one request.

export const quotaResources = [
  'instances', 'cores', 'ram', 'metadata_items', 'injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes',
  'key_pairs', 'server_groups', 'server_group_members',
] as const
export type QuotaResource = (typeof quotaResources)[number]

/** Gone with nova's own networks; shown to old versions, without a limit (nova/quota.py). */
export const networkResources = ['fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules'] as const

export type Limits = Readonly<Record<QuotaResource, number>>
/** No limit. */
export const unlimited = -1
