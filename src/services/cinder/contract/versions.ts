// Microversions of the block storage API that we announce. What a line says of nouns that are not built stays without effect.
import { defineVersions } from '#core/spec'

const summaries = [
  'The API of v2.', 'Visibility and protection of uploaded images.', 'The filter bootable takes only booleans.', 'Messages.',
  'Volumes by glance_metadata.', 'Messages in pages.', 'Empty names of consistency groups.', 'Clusters, and their name in services.',
  'Managing existing volumes without the extension.', 'Renaming backups.', 'Volumes by group_id.', 'Group types.', 'Summary of volumes.',
  'Groups.', 'Snapshots of groups.', 'Etag of metadata.', 'Migration to a cluster.', 'Managing by cluster.', 'Project of a backup.',
  'Resetting group snapshots.', 'Resetting groups.', 'provider_id of volumes, for administrators.', 'Snapshots by metadata.',
  'Forced deletion of volumes by query.', 'Clean-up of workers.', 'Volumes of a group.', 'Failover of clusters.', 'Attachments.',
  'Filters of pools.', 'Group snapshots in pages.', 'Snapshots sorted by name.', 'Configured filters.', 'Log levels of services.',
  'The list of filters.', 'Filters by likeness, with a tilde.', 'Pools by volume type.', 'Metadata in the summary of volumes.',
  'Backups sorted by name.', 'Replication of groups.', 'Limits of another project, for administrators.', 'Reverting to a snapshot.',
  'user_id of snapshots.', 'Extending a volume in use.', 'Metadata of backups.', 'Completing an attachment.', 'Counting lists.',
  'Volumes from instance snapshots.', 'Volumes from backups.', 'shared_targets and service_uuid of volumes.', 'State of backends in services.',
  'Multiattach.', 'Backups across zones.', 'Types by extra specs.', 'Strict bodies of volumes.', 'Mode of an attachment from its creation.',
  'Transfer with snapshots.', 'user_id of backups.', 'More of transfers.', 'Project of groups.', 'Transfers in pages.',
  'Volumes by time.', 'cluster_name of volumes, for administrators.', "A project's default type.", 'Type id of volumes.',
  'encryption_key_id of volumes.', 'consumes_quota of volumes.', 'Snapshots of volumes in use without force.', 'No project id in the path.',
  'Writing another image over a volume.', 'shared_targets may be null.', 'Transfer of encrypted volumes.',
] as const

export const cinderVersions = defineVersions(summaries.map((summary, minor) => ({ version: `3.${minor}`, summary })))
