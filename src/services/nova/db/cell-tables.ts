// The tables of a cell: servers and all that happens to them, and the hosts that carry them.
import type { Generated } from '#core/db'
import type { OperationTables } from '#core/operations'

export interface InstanceRow {
  id: Generated<number>
  uuid: string
  project_id: string
  user_id: string
  display_name: string
  display_description: string | null
  hostname: string
  host: string | null
  node: string | null
  availability_zone: string | null
  image_ref: string
  flavor_id: string
  memory_mb: number
  vcpus: number
  root_gb: number
  ephemeral_gb: number
  swap: number
  /** The flavor as it was when the server was made, with its extra specs; JSON. */
  flavor: string
  vm_state: string
  task_state: string | null
  power_state: number
  progress: number
  /** 0, 1 by its owner, 2 by an admin. */
  locked: number
  locked_reason: string | null
  key_name: string | null
  key_data: string | null
  key_type: string | null
  /** `True` or empty, as the API shows it. */
  config_drive: string
  user_data: string | null
  root_device_name: string | null
  access_ip_v4: string | null
  access_ip_v6: string | null
  reservation_id: string
  launch_index: number
  auto_disk_config: number
  /** JSON objects. */
  metadata: string
  system_metadata: string
  /** JSON lists: what was asked for at creation. */
  requested_networks: string
  security_groups: string
  trusted_certs: string | null
  /** Why the scheduler put it where the user asked: the zone or host named in the request. */
  requested_zone: string | null
  created_at: string
  updated_at: string | null
  launched_at: string | null
  terminated_at: string | null
  deleted: number
  deleted_at: string | null
}

export interface BlockDeviceRow {
  id: Generated<number>
  uuid: string
  instance_uuid: string
  source_type: 'image' | 'volume' | 'snapshot' | 'blank'
  destination_type: 'local' | 'volume'
  guest_format: string | null
  device_type: string | null
  disk_bus: string | null
  boot_index: number | null
  image_id: string | null
  snapshot_id: string | null
  volume_id: string | null
  volume_size: number | null
  volume_type: string | null
  device_name: string | null
  delete_on_termination: number
  tag: string | null
  /** Cinder's attachment, and its connection info as JSON. */
  attachment_id: string | null
  connection_info: string | null
  /** Nova made the volume. */
  made_volume: number
  /** Its detachment was accepted: it does not go with the server any more. */
  detaching: number
  /** The volume that the server was to have, but for its build that failed; it goes with the server unless another one gets it. */
  former_volume_id: string | null
  created_at: string
  updated_at: string | null
}

/** A port of a server, as nova last learned it from neutron. */
export interface VirtualInterfaceRow {
  /** The port's id. */
  uuid: string
  instance_uuid: string
  network_id: string
  network_name: string
  address: string
  /** JSON list of `{ address, version, subnet_id, type, floating }`. */
  addresses: string
  /** JSON list of ids. */
  security_groups: string
  tap: string | null
  mtu: number
  tag: string | null
  position: number
  /** The port was given, not made by nova: it outlives the server. */
  preserve: number
  active: number
  created_at: string
}

export interface ActionRow {
  id: Generated<number>
  instance_uuid: string
  action: string
  request_id: string
  user_id: string
  project_id: string
  message: string | null
  start_time: string
  finish_time: string | null
  updated_at: string
}

export interface ActionEventRow {
  id: Generated<number>
  action_id: number
  event: string
  host: string | null
  start_time: string
  finish_time: string | null
  result: string | null
  traceback: string | null
  details: string | null
}

export interface FaultRow {
  id: Generated<number>
  instance_uuid: string
  code: number
  message: string
  details: string | null
  host: string | null
  created_at: string
}

export interface ServiceRow {
  id: Generated<number>
  uuid: string
  host: string
  binary: string
  topic: string
  disabled: number
  disabled_reason: string | null
  forced_down: number
  version: number
  last_seen_up: string | null
  created_at: string
  updated_at: string | null
}

export interface ComputeNodeRow {
  id: Generated<number>
  /** Also the id of its resource provider in placement. */
  uuid: string
  host: string
  hypervisor_hostname: string
  hypervisor_type: string
  hypervisor_version: number
  host_ip: string
  vcpus: number
  memory_mb: number
  local_gb: number
  free_ram_mb: number
  free_disk_gb: number
  running_vms: number
  /** JSON object: arch, model, features, topology. */
  cpu_info: string
  created_at: string
  updated_at: string | null
}

export interface CellTables extends OperationTables {
  instances: InstanceRow
  instance_tags: { instance_uuid: string; tag: string }
  /** Contents are base64. */
  injected_files: { instance_uuid: string; position: number; path: string; contents: string }
  block_device_mappings: BlockDeviceRow
  virtual_interfaces: VirtualInterfaceRow
  instance_actions: ActionRow
  instance_actions_events: ActionEventRow
  instance_faults: FaultRow
  services: ServiceRow
  compute_nodes: ComputeNodeRow
}
