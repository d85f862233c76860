// Which extra specs mean something, and what values they take (nova/api/validation/extra_specs). From 2.86 one that is in a
// namespace of nova's but is not listed here is refused; other namespaces belong to whoever uses them. The patterns are upstream's, as its faults show
// them, and two of them have more ways than can be tried.
import { Pattern } from '../model/pattern.ts'

type Value =
  | { readonly kind: 'text'; readonly pattern?: Pattern }
  | { readonly kind: 'choice'; readonly of: readonly string[] }
  | { readonly kind: 'integer'; readonly minimum?: number; readonly maximum?: number }
  | { readonly kind: 'boolean' }

const text: Value = { kind: 'text' }
const boolean: Value = { kind: 'boolean' }
const integer = (minimum?: number, maximum?: number): Value => ({ kind: 'integer', ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) })
const choice = (...of: string[]): Value => ({ kind: 'choice', of })
const cpuSet: Value = { kind: 'text', pattern: new Pattern('^\\^?\\d+((-\\d+)?(,\\^?\\d+(-\\d+)?)?)*$') }

const hw: Readonly<Record<string, Value>> = {
  cpu_realtime: boolean, cpu_realtime_mask: cpuSet, hide_hypervisor_id: boolean,
  cpu_policy: choice('dedicated', 'shared', 'mixed'), cpu_thread_policy: choice('prefer', 'isolate', 'require'), emulator_threads_policy: choice('isolate', 'share'),
  cpu_dedicated_mask: cpuSet, mem_page_size: { kind: 'text', pattern: new Pattern('^(large|small|any|\\d+([kKMGT]i?)?(b|bit|B)?)$') }, locked_memory: boolean,
  numa_nodes: integer(1), pci_numa_affinity_policy: choice('required', 'preferred', 'legacy', 'socket'),
  cpu_sockets: integer(1), cpu_cores: integer(1), cpu_threads: integer(1), cpu_max_sockets: integer(1), cpu_max_cores: integer(1), cpu_max_threads: integer(1),
  boot_menu: boolean, vif_multiqueue_enabled: boolean, mem_encryption: boolean, pmem: { kind: 'text', pattern: new Pattern('^[a-zA-Z0-9_,]+$') }, pmu: boolean,
  serial_port_count: integer(0), tpm_model: choice('tpm-tis', 'tpm-crb'), tpm_version: choice('1.2', '2.0'),
  watchdog_action: choice('none', 'pause', 'poweroff', 'reset', 'disabled'), viommu_model: choice('intel', 'smmuv3', 'virtio', 'auto'), virtio_packed_ring: boolean,
}

const capabilities = [
  'id', 'uuid', 'service_id', 'host', 'vcpus', 'memory_mb', 'local_gb', 'vcpus_used', 'memory_mb_used', 'local_gb_used', 'hypervisor_type', 'hypervisor_version',
  'hypervisor_hostname', 'free_ram_mb', 'free_disk_gb', 'current_workload', 'running_vms', 'disk_available_least', 'host_ip', 'mapped', 'cpu_allocation_ratio',
  'ram_allocation_ratio', 'disk_allocation_ratio', 'total_usable_ram_mb', 'total_usable_disk_gb', 'disk_mb_used', 'free_disk_mb', 'vcpus_total', 'num_instances',
  'num_io_ops', 'failed_builds', 'aggregates', 'cell_uuid', 'updated',
]
const nestedCapabilities = [
  'cpu_info', 'metrics', 'stats', 'numa_topology', 'supported_hv_specs', 'pci_device_pools', 'nodename', 'pci_stats', 'supported_instances', 'limits', 'instances',
]

const resourceClasses = [
  'VCPU', 'MEMORY_MB', 'DISK_GB', 'PCI_DEVICE', 'SRIOV_NET_VF', 'NUMA_SOCKET', 'NUMA_CORE', 'NUMA_THREAD', 'NUMA_MEMORY_MB', 'IPV4_ADDRESS', 'VGPU',
  'VGPU_DISPLAY_HEAD', 'NET_BW_EGR_KILOBIT_PER_SEC', 'NET_BW_IGR_KILOBIT_PER_SEC', 'PCPU', 'MEM_ENCRYPTION_CONTEXT', 'FPGA', 'PGPU',
  'NET_PACKET_RATE_KILOPACKET_PER_SEC', 'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC', 'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
]

function exactRules(): Map<string, Value> {
  const rules = new Map<string, Value>([
    ['accel:device_profile', text], ['os:secure_boot', choice('disabled', 'required')], ['group_policy', choice('isolate', 'none')], ['hide_hypervisor_id', boolean],
    ['hw_rng:allowed', boolean], ['hw_rng:rate_bytes', integer(0)], ['hw_rng:rate_period', integer(0)], ['hw_video:ram_max_mb', integer(0)],
    ['pci_passthrough:alias', { kind: 'text', pattern: new Pattern('^[^:]+:\\d+(\\s*,\\s*[^:]+:\\d+)*$') }],
    ['vmware:hw_version', text], ['vmware:storage_policy', text], ['quota:cpu_shares', integer(0)], ['quota:cpu_period', integer(0)], ['quota:cpu_quota', integer()],
  ])
  for (const [key, value] of Object.entries(hw)) rules.set(`hw:${key}`, value)
  for (const name of capabilities) rules.set(`capabilities:${name}`, text)
  for (const part of ['cpu', 'memory', 'disk_io', 'vif']) {
    rules.set(`quota:${part}_limit`, integer(0)).set(`quota:${part}_reservation`, integer())
    rules.set(`quota:${part}_shares_level`, choice('custom', 'high', 'normal', 'low')).set(`quota:${part}_shares_share`, integer(0))
  }
  for (const way of ['read', 'write', 'total']) rules.set(`quota:disk_${way}_bytes_sec`, integer(0)).set(`quota:disk_${way}_iops_sec`, integer(0))
  for (const way of ['inbound', 'outbound']) for (const measure of ['average', 'peak', 'burst']) rules.set(`quota:vif_${way}_${measure}`, integer(0))
  return rules
}

const exact = exactRules()
const group = '([a-zA-Z0-9_-]{1,64})?'
const shaped: readonly (readonly [RegExp, Value])[] = [
  [/^hw:numa_cpus\.\d+$/, cpuSet],
  [/^hw:numa_mem\.\d+$/, integer(1)],
  [/^aggregate_instance_extra_specs:.+$/, text],
  [new RegExp(`^capabilities:(${nestedCapabilities.join('|')})(:\\w+)*$`), text],
  [new RegExp(`^resources${group}:(${resourceClasses.join('|')}|CUSTOM_[A-Z0-9_]+)$`), integer()],
  // Whether a trait exists is placement's to know; here it must look like one.
  [new RegExp(`^trait${group}:(COMPUTE|HW|STORAGE|MISC|OWNER|CUSTOM)_[A-Z0-9_]+$`), choice('required', 'forbidden')],
]
const ownNamespace = new RegExp(`^(accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|quota|vmware|resources${group}|trait${group}):`)

/** What is wrong with an extra spec, in the client's words; undefined when nothing is. */
export function checkExtraSpec(key: string, value: string): string | undefined {
  const rule = exact.get(key) ?? shaped.find(([name]) => name.test(key))?.[1]
  if (rule) return checkValue(rule, value)
  return ownNamespace.test(key) ? `Validation failed; extra spec '${key}' does not appear to be a valid extra spec.` : undefined
}

function checkValue(rule: Value, value: string): string | undefined {
  switch (rule.kind) {
    case 'text':
      return !rule.pattern || rule.pattern.test(value) ? undefined : `Validation failed; '${value}' is not of the format '${rule.pattern.source}'.`
    case 'choice':
      return rule.of.includes(value) ? undefined : `Validation failed; '${value}' is not one of: ${rule.of.join(', ')}.`
    case 'boolean':
      return /^\s*(1|t|true|on|y|yes|0|f|false|off|n|no)\s*$/i.test(value) ? undefined : `Validation failed; '${value}' is not a valid boolean-like value.`
    case 'integer': {
      if (!/^\s*[+-]?\d+\s*$/.test(value)) return `Validation failed; '${value}' is not a valid integer value.`
      const number = Number(value)
      if (rule.maximum !== undefined && number > rule.maximum) return `Validation failed; '${value}' is greater than the max value of '${rule.maximum}'.`
      if (rule.minimum !== undefined && number < rule.minimum) return `Validation failed; '${value}' is less than the min value of '${rule.minimum}'.`
      return undefined
    }
  }
}
