// What can be set about nova.
import { auditOptions } from '#core/audit'
import { defineOptions, option, type Settings } from '#core/config'

export const novaOptions = defineOptions('nova', {
  max_limit: option.integer({ default: 1000, minimum: 1, help: 'The most items that one answer of a list holds.' }),
  default_availability_zone: option.text({ default: 'nova', help: 'The availability zone of hosts that no aggregate puts in another one.' }),
  internal_service_availability_zone: option.text({ default: 'internal', help: 'The zone under which services other than compute are listed.' }),
  service_down_time: option.integer({ default: 60, unit: 'seconds', minimum: 1, help: 'A service that has not reported for so long counts as down.' }),
  report_interval: option.integer({ default: 10, unit: 'seconds', minimum: 1, help: 'How often a service reports that it lives.' }),

  quota_instances: option.integer({ default: 10, minimum: -1, help: 'Servers of a project; -1 for no limit.' }),
  quota_cores: option.integer({ default: 20, minimum: -1, help: 'Virtual CPUs of a project; -1 for no limit.' }),
  quota_ram: option.integer({ default: 51_200, unit: 'MiB', minimum: -1, help: 'Memory of a project; -1 for no limit.' }),
  quota_metadata_items: option.integer({ default: 128, minimum: -1, help: 'Metadata items of a server.' }),
  quota_key_pairs: option.integer({ default: 100, minimum: -1, help: 'Keypairs of a user.' }),
  quota_server_groups: option.integer({ default: 10, minimum: -1, help: 'Server groups of a project.' }),
  quota_server_group_members: option.integer({ default: 10, minimum: -1, help: 'Servers of a server group.' }),
  quota_injected_files: option.integer({ default: 5, minimum: -1, help: 'Files that a server may be given at its creation (up to 2.56).' }),
  quota_injected_file_content_bytes: option.integer({ default: 10_240, unit: 'bytes', minimum: -1, help: 'Size of such a file, base64.' }),
  quota_injected_file_path_length: option.integer({ default: 255, unit: 'bytes', minimum: -1, help: 'Length of the path of such a file.' }),

  virt_type: option.choice(['auto', 'kvm', 'qemu'], {
    default: 'auto', help: 'What runs the guests of this host: kvm, qemu (without hardware help), or auto: kvm where a probe guest comes to its end on it within seconds.',
  }),
  cpu_allocation_ratio: option.number({ default: 16, minimum: 0.1, help: 'Virtual CPUs per real one of a host.' }),
  ram_allocation_ratio: option.number({ default: 1, minimum: 0.1, help: 'Memory given to guests per memory of a host.' }),
  disk_allocation_ratio: option.number({ default: 1, minimum: 0.1, help: 'Disk promised to guests per disk of a host.' }),
  reserved_host_cpus: option.integer({ default: 0, minimum: 0, help: 'CPUs of a host that guests do not get.' }),
  reserved_host_memory_mb: option.integer({ default: 512, unit: 'MiB', minimum: 0, help: 'Memory of a host that guests do not get.' }),
  reserved_host_disk_mb: option.integer({ default: 0, unit: 'MiB', minimum: 0, help: 'Disk of a host that guests do not get.' }),

  enabled_filters: option.list({
    default: ['ComputeFilter', 'AvailabilityZoneFilter', 'ComputeCapabilitiesFilter', 'ImagePropertiesFilter', 'ServerGroupAntiAffinityFilter', 'ServerGroupAffinityFilter', 'SameHostFilter', 'DifferentHostFilter'],
    help: 'Filters that a host must pass, in this order. A hint of a request counts only where its filter is here.',
  }),
  host_subset_size: option.integer({ default: 1, minimum: 1, help: 'One of so many best hosts is chosen at random.' }),
  ram_weight_multiplier: option.number({ default: 1, help: 'Weight of free memory; negative to fill hosts one after the other.' }),
  cpu_weight_multiplier: option.number({ default: 1, help: 'Weight of free CPUs.' }),
  disk_weight_multiplier: option.number({ default: 1, help: 'Weight of free disk.' }),
  io_ops_weight_multiplier: option.number({ default: -1, help: 'Weight of the builds under way on a host.' }),
  num_instances_weight_multiplier: option.number({ default: 0, help: 'Weight of the number of servers on a host.' }),
  soft_affinity_weight_multiplier: option.number({ default: 1, minimum: 0, help: 'Weight of standing by the other servers of a soft affinity group.' }),
  soft_anti_affinity_weight_multiplier: option.number({ default: 1, minimum: 0, help: 'Weight of standing apart from the other servers of a soft anti-affinity group.' }),
  max_attempts: option.integer({ default: 3, minimum: 1, help: 'Hosts on which a build is tried.' }),

  max_local_block_devices: option.integer({ default: 3, minimum: -1, help: "Disks of a server that lie on its host, the root disk and swap among them; -1 for no limit." }),
  max_disk_devices_to_attach: option.integer({ default: 26, minimum: -1, help: 'Disks of a server, its volumes among them; -1 for no limit.' }),
  vif_plugging_timeout: option.integer({ default: 300, unit: 'seconds', minimum: 0, help: 'How long a build waits for its ports; 0 does not wait.' }),
  build_timeout: option.integer({ default: 1800, unit: 'seconds', minimum: 10, help: 'How long a build may take.' }),
  volume_timeout: option.integer({ default: 600, unit: 'seconds', minimum: 10, help: 'How long a build waits for a volume to be made.' }),
  shutdown_timeout: option.integer({ default: 60, unit: 'seconds', minimum: 0, help: 'How long a guest may take to shut down before its power is cut.' }),
  force_config_drive: option.boolean({ default: false, help: 'Every server gets a config drive.' }),
  metadata_proxy_shared_secret: option.text({ default: '', secret: true, help: 'Signs the server id that the metadata agent puts into its requests; made at random when empty.' }),
  dhcp_domain: option.text({ default: 'novalocal', help: "Domain of a server's name in its metadata." }),
  keep_deleted_days: option.integer({ default: 30, unit: 'days', minimum: 1, help: 'How long deleted servers stay visible to admins.' }),
  host_ip: option.text({ default: '127.0.0.1', help: 'The address of this host that is shown to admins.' }),
  ...auditOptions,
})

export type NovaSettings = Settings<typeof novaOptions>
