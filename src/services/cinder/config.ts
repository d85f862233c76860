// What can be set about cinder; names are upstream's where it has the option.
import { auditOptions } from '#core/audit'
import { defineOptions, option, type Settings as SettingsOf } from '#core/config'

export const cinderOptions = defineOptions('cinder', {
  quota_volumes: option.integer({ default: 10, minimum: -1, help: 'Volumes of a project; -1 for no limit.' }),
  quota_gigabytes: option.integer({ default: 1000, unit: 'GiB', minimum: -1, help: 'Size of all volumes of a project together; -1 for no limit.' }),
  per_volume_size_limit: option.integer({ default: -1, unit: 'GiB', minimum: -1, help: 'The largest size of one volume; -1 for no limit.' }),
  osapi_max_limit: option.integer({ default: 1000, minimum: 1, help: 'The most items that one answer of a list holds.' }),
  storage_availability_zone: option.text({ default: 'nova', help: 'The zone of this host, and of volumes that ask for none.' }),
  default_volume_type: option.text({ default: '__DEFAULT__', help: 'The type of volumes that ask for none.' }),
  volume_driver: option.text({ default: '', help: 'The storage driver of this host, `file` or `fake`; empty takes the one that fits the cloud.' }),
  volume_backend_name: option.text({ default: '', help: "The backend's name in extra specs and pools; the driver's name when empty." }),
  max_over_subscription_ratio: option.number({ default: 20, minimum: 1, help: 'How many times its capacity a thin backend may promise.' }),
  reserved_percentage: option.integer({ default: 0, unit: 'percent', minimum: 0, maximum: 100, help: 'Share of a backend that stays unused.' }),
  scheduler_default_filters: option.list({
    default: ['AvailabilityZoneFilter', 'CapacityFilter', 'CapabilitiesFilter'], help: 'Filters that a backend must pass, in this order.',
    choices: ['AvailabilityZoneFilter', 'CapacityFilter', 'CapabilitiesFilter'],
  }),
  scheduler_default_weighers: option.list({
    default: ['CapacityWeigher'], help: 'Weighers that choose among the backends left.', choices: ['CapacityWeigher', 'AllocatedCapacityWeigher'],
  }),
  message_ttl: option.integer({ default: 2_592_000, unit: 'seconds', minimum: 1, help: "How long a message to a volume's owner is kept." }),
  service_down_time: option.integer({ default: 60, unit: 'seconds', minimum: 1, help: 'A role that has not reported for so long counts as down.' }),
  report_interval: option.integer({ default: 10, unit: 'seconds', minimum: 1, help: 'How often a role reports that it lives.' }),
  ...auditOptions,
})

export type Settings = SettingsOf<typeof cinderOptions>
