// Cinder's options, each with its unit, default and help.

interface Option<T> {
  readonly default: T
  readonly help: string
}

const option = <T>(value: T, help: string): Option<T> => ({ default: value, help })

export const cinderOptions = {
  quota_volumes: option(10, 'How many volumes a project may have; -1 for no limit.'),
  quota_gigabytes: option(1000, 'How many GiB all volumes of a project may have together; -1 for no limit.'),
  per_volume_size_limit: option(-1, 'The largest size of one volume in GiB; -1 for no limit.'),
  osapi_max_limit: option(1000, 'The most that one answer to a list holds.'),
  storage_availability_zone: option('nova', 'The zone that this host belongs to, and that volumes get when none is asked for.'),
  default_volume_type: option('__DEFAULT__', 'The name of the type that volumes get when none is asked for.'),
  volume_driver: option('', 'The driver of this host: `file` or `fake`; empty chooses by whether this is a real cloud.'),
  volume_backend_name: option('', "The backend's name in extra specs and pools; the driver's when empty."),
  max_over_subscription_ratio: option(20, 'How many times its capacity a thin backend may promise.'),
  reserved_percentage: option(0, 'How many percent of a backend stay unused.'),
  scheduler_default_filters: option(['AvailabilityZoneFilter', 'CapacityFilter', 'CapabilitiesFilter'] as readonly string[], 'The filters that a backend must pass.'),
  scheduler_default_weighers: option(['CapacityWeigher'] as readonly string[], 'The weighers that choose among the backends left.'),
  message_ttl: option(2_592_000, 'How many seconds a message to a volume’s owner is kept.'),
  service_down_time: option(60, 'After how many seconds of silence a role counts as down.'),
  report_interval: option(10, 'Every how many seconds a role reports.'),
} as const

type Widen<T> = T extends string ? string : T extends number ? number : T
export type Settings = { readonly [K in keyof typeof cinderOptions]: Widen<(typeof cinderOptions)[K]['default']> }

/** @throws Error for a value of the wrong kind */
export function readSettings(given: Readonly<Record<string, unknown>>): Settings {
  const settings: Record<string, unknown> = {}
  for (const [name, { default: fallback }] of Object.entries(cinderOptions)) {
    const value = given[name] ?? fallback
    if (typeof value !== typeof fallback || Array.isArray(value) !== Array.isArray(fallback)) throw new Error(`[cinder] ${name} has a value of the wrong kind`)
    settings[name] = value
  }
  return settings as Settings
}
