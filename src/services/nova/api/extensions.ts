// Handlers of the list of extensions. It names what this API has; upstream's list, frozen in 2014, also names what is not there.
import { NotFound } from '#core/errors'
import type { Handlers } from '#core/http'
import type { extensionRoutes } from '../contract/extensions.ts'

/** alias, name, description */
const known: readonly (readonly [string, string, string])[] = [
  ['OS-DCF', 'DiskConfig', 'How the disk of a server is partitioned.'],
  ['OS-EXT-AZ', 'ExtendedAvailabilityZone', 'The availability zone of a server.'],
  ['OS-EXT-IPS', 'ExtendedIps', 'Whether an address of a server is fixed or floating.'],
  ['OS-EXT-IPS-MAC', 'ExtendedIpsMac', 'The MAC address that an address of a server belongs to.'],
  ['OS-EXT-SRV-ATTR', 'ExtendedServerAttributes', 'Host, node and instance name of a server, for admins.'],
  ['OS-EXT-STS', 'ExtendedStatus', 'VM state, task state and power state of a server.'],
  ['OS-FLV-DISABLED', 'FlavorDisabled', 'Whether a flavor is disabled.'],
  ['OS-FLV-EXT-DATA', 'FlavorExtraData', 'The ephemeral disk of a flavor.'],
  ['OS-SCH-HNT', 'SchedulerHints', 'Hints for the scheduler.'],
  ['OS-SRV-USG', 'ServerUsage', 'When a server was launched and terminated.'],
  ['os-access-ips', 'AccessIPs', 'Addresses by which a server is reached.'],
  ['os-admin-actions', 'AdminActions', 'Setting the state of a server, for admins.'],
  ['os-aggregates', 'Aggregates', 'Groups of hosts, for admins.'],
  ['os-attach-interfaces', 'AttachInterfaces', 'Ports of servers.'],
  ['os-availability-zone', 'AvailabilityZone', 'Availability zones.'],
  ['os-block-device-mapping', 'BlockDeviceMapping', 'The disks of a new server.'],
  ['os-block-device-mapping-v2-boot', 'BlockDeviceMappingV2Boot', 'Servers that start from volumes.'],
  ['os-config-drive', 'ConfigDrive', 'Config drives of servers.'],
  ['os-console-output', 'ConsoleOutput', 'What a server wrote to its console.'],
  ['os-extended-hypervisors', 'ExtendedHypervisors', 'More about compute nodes, for admins.'],
  ['os-extended-quotas', 'ExtendedQuotas', 'Going back to the default limits, and setting them past what is used.'],
  ['os-extended-services', 'ExtendedServices', 'Why a service is disabled.'],
  ['os-extended-services-delete', 'ExtendedServicesDelete', 'Removing services.'],
  ['os-extended-status', 'ExtendedStatus', 'More states of a server.'],
  ['os-extended-volumes', 'ExtendedVolumes', 'The volumes of a server.'],
  ['os-flavor-access', 'FlavorAccess', 'Who may use a private flavor.'],
  ['os-flavor-extra-specs', 'FlavorExtraSpecs', 'Extra specs of flavors.'],
  ['os-flavor-manage', 'FlavorManage', 'Creating and deleting flavors.'],
  ['os-flavor-rxtx', 'FlavorRxtx', 'The bandwidth factor of a flavor.'],
  ['os-flavor-swap', 'FlavorSwap', 'The swap disk of a flavor.'],
  ['os-hypervisor-status', 'HypervisorStatus', 'Whether a compute node is up and takes servers.'],
  ['os-hypervisors', 'Hypervisors', 'Compute nodes, for admins.'],
  ['os-instance-actions', 'InstanceActions', 'What was done to a server.'],
  ['os-keypairs', 'Keypairs', 'Public keys of users.'],
  ['os-lock-server', 'LockServer', 'Locking servers against accidents.'],
  ['os-multiple-create', 'MultipleCreate', 'Several servers in one request.'],
  ['os-personality', 'Personality', 'Files for a new server.'],
  ['os-quota-class-sets', 'QuotaClasses', 'Limits of classes of projects.'],
  ['os-quota-sets', 'Quotas', 'Limits of projects and users.'],
  ['os-security-groups', 'SecurityGroups', 'Security groups of servers.'],
  ['os-server-external-events', 'ServerExternalEvents', 'Other services tell of events of servers.'],
  ['os-server-group-quotas', 'ServerGroupQuotas', 'Limits of server groups.'],
  ['os-server-groups', 'ServerGroups', 'Servers that stand together or apart.'],
  ['os-server-list-multi-status', 'ServerListMultiStatus', 'Servers by several statuses.'],
  ['os-server-sort-keys', 'ServerSortKeys', 'Sorting of servers.'],
  ['os-server-start-stop', 'ServerStartStop', 'Starting and stopping servers.'],
  ['os-services', 'Services', 'The services of nova, for admins.'],
  ['os-simple-tenant-usage', 'SimpleTenantUsage', 'What projects used in a period.'],
  ['os-used-limits', 'UsedLimits', 'What is used of the limits.'],
  ['os-used-limits-for-admin', 'UsedLimitsForAdmin', 'What another project uses of its limits, for admins.'],
  ['os-user-data', 'UserData', 'Data for a server to read when it starts.'],
  ['os-user-quotas', 'UserQuotas', 'Limits of users within a project.'],
  ['os-volumes', 'Volumes', 'Attaching volumes to servers.'],
]

const extensions = known.map(([alias, name, description]) => ({
  alias, name, description, namespace: 'http://docs.openstack.org/compute/ext/fake_xml', updated: '2014-12-03T00:00:00Z', links: [],
}))

export const extensionHandlers: Handlers<typeof extensionRoutes> = {
  async listExtensions() {
    return { status: 200, body: { extensions } }
  },
  async showExtension({ params }) {
    const extension = extensions.find(({ alias }) => alias === params.id)
    if (!extension) throw new NotFound('The resource could not be found.')
    return { status: 200, body: { extension } }
  },
}
