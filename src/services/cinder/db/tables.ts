// The tables of cinder's database. Times are ISO texts, flags are 0 or 1.
import type { AuditTables } from '#core/audit'
import type { OperationTables } from '#core/operations'
import type { AttachStatus, VolumeStatus } from '../model/volume-states.ts'

export interface VolumeRow {
  id: string
  project_id: string
  user_id: string
  display_name: string | null
  display_description: string | null
  size: number
  /** What the quota counts: `size`, or the larger size while the volume grows. */
  claimed_size: number
  status: VolumeStatus
  previous_status: VolumeStatus | null
  attach_status: AttachStatus
  availability_zone: string
  host: string | null
  service_uuid: string | null
  bootable: number
  multiattach: number
  read_only: number | null
  volume_type_id: string
  trace_id: string | null
  created_at: string
  updated_at: string | null
}

export interface AttachmentRow {
  id: string
  volume_id: string
  project_id: string
  instance_uuid: string | null
  attach_status: AttachStatus
  attached_host: string | null
  mountpoint: string | null
  attach_mode: string | null
  connector: string | null
  connection_info: string | null
  /** Why the last try to connect failed, as JSON. */
  fault: string | null
  attach_time: string | null
  created_at: string
}

export interface VolumeTypeRow {
  id: string
  name: string
  description: string | null
  is_public: number
  created_at: string
  updated_at: string | null
}

export interface ServiceRow {
  uuid: string
  binary: string
  host: string
  availability_zone: string
  disabled: number
  disabled_reason: string | null
  created_at: string
  updated_at: string | null
}

export interface MessageRow {
  id: string
  project_id: string
  request_id: string
  resource_type: string
  resource_uuid: string
  event_id: string
  message_level: string
  user_message: string
  created_at: string
  expires_at: string
}

export interface CinderTables extends OperationTables, AuditTables {
  volumes: VolumeRow
  volume_metadata: { volume_id: string; key: string; value: string }
  volume_image_metadata: { volume_id: string; key: string; value: string }
  volume_attachments: AttachmentRow
  volume_types: VolumeTypeRow
  volume_type_extra_specs: { volume_type_id: string; key: string; value: string | null }
  volume_type_projects: { volume_type_id: string; project_id: string }
  default_volume_types: { project_id: string; volume_type_id: string }
  quotas: { project_id: string; resource: string; hard_limit: number }
  quota_classes: { class_name: string; resource: string; hard_limit: number }
  services: ServiceRow
  messages: MessageRow
}
