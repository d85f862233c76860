// What nova limits, and what each counts against: a project's servers and groups, a user's keypairs, the items of one request.

/** Gone with nova's own networks: without a limit unless one is set, and shown to old versions only (nova/quota.py). */
export const networkResources = ['fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules'] as const
/** Files put into a server at creation, up to 2.56. */
export const fileResources = ['injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes'] as const
export const groupResources = ['server_groups', 'server_group_members'] as const

export const quotaResources = ['instances', 'cores', 'ram', 'metadata_items', 'key_pairs', ...fileResources, ...groupResources, ...networkResources] as const
export type QuotaResource = (typeof quotaResources)[number]

export type Amounts = Readonly<Record<QuotaResource, number>>
/** No limit. */
export const unlimited = -1
