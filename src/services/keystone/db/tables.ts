// The tables of the identity database. Booleans are 0 and 1; what an API may leave null and a key needs is '' here.

export interface Tables {
  /** Domains are projects that act as one: their own `domain_id` and `parent_id` are ''. */
  projects: {
    id: string; domain_id: string; parent_id: string; name: string; description: string; enabled: number; is_domain: number
    options: string; extra: string
  }
  project_tags: { project_id: string; name: string }
  users: {
    id: string; domain_id: string; name: string; enabled: number; description: string | null; default_project_id: string | null
    options: string; extra: string; password_hash: string | null; password_created_at: string | null; password_expires_at: string | null
    failed_count: number; failed_at: string | null; created_at: string
  }
  groups: { id: string; domain_id: string; name: string; description: string; extra: string }
  memberships: { user_id: string; group_id: string }
  roles: { id: string; name: string; domain_id: string; description: string | null; options: string; extra: string }
  implied_roles: { prior_id: string; implied_id: string }
  assignments: {
    actor_type: 'user' | 'group'; actor_id: string; target_type: 'project' | 'domain' | 'system'; target_id: string
    role_id: string; inherited: number
  }
  regions: { id: string; description: string; parent_region_id: string | null; extra: string }
  services: { id: string; type: string; name: string | null; description: string | null; enabled: number; extra: string }
  endpoints: { id: string; service_id: string; region_id: string | null; interface: string; url: string; enabled: number; extra: string }
  /** What is no longer valid: a token or a chain of them (`audit`), or all issued up to a moment for a user, project or domain. Times in milliseconds since 1970. */
  revocations: { id: string; kind: RevocationKind; value: string; issued_before: number; revoked_at: number }
  settings: { name: string; value: string }
}

export type RevocationKind = 'audit' | 'user' | 'project' | 'domain'
