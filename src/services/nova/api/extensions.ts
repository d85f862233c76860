// Handlers of the list of extensions. It names what this API has; upstream's list, frozen in 2014, also names what is gone.
import { NotFound } from '#core/errors'
import type { Handlers } from '#core/http'
import type { extensionRoutes } from '../contract/extensions.ts'

/** alias, name, description */
const known: readonly (readonly [string, string, string])[] = [
  ['OS-DCF', 'DiskConfig', 'How the disk of a server is partitioned.'],
  ['OS-EXT-AZ', 'ExtendedAvailabilityZone', 'The availability zone of a server.'],
  ['OS-EXT-SRV-ATTR', 'ExtendedServerAttributes', 'Host, node and instance name of a server, for admins.'],
  ['OS-EXT-STS', 'ExtendedStatus', 'VM state, task state and power state of a server.'],
  ['OS-FLV-DISABLED', 'FlavorDisabled', 'Whether a flavor is disabled.'],
  ['OS-FLV-EXT-DATA', 'FlavorExtraData', 'The ephemeral disk of a flavor.'],
  ['OS-SRV-USG', 'ServerUsage', 'When a server was launched and terminated.'],
  ['os-aggregates', 'Aggregates', 'Groups of hosts, for admins.'],
  ['os-attach-interfaces', 'AttachInterfaces', 'Ports of servers.'],
  ['os-availability-zone', 'AvailabilityZone', 'Availability zones.'],
  ['os-block-device-mapping-v2-boot', 'BlockDeviceMappingV2Boot', 'Servers that start from volumes.'],
  ['os-config-drive', 'ConfigDrive', 'Config drives of servers.'],
  ['os-console-output', 'ConsoleOutput', 'What a server wrote to its console.'],
  ['os-extended-volumes', 'ExtendedVolumes', 'The volumes of a server.'],
  ['os-flavor-access', 'FlavorAccess', 'Who may use a private flavor.'],
  ['os-flavor-extra-specs', 'FlavorExtraSpecs', 'Extra specs of flavors.'],
  ['os-flavor-manage', 'FlavorManage', 'Creating and deleting flavors.'],
  ['os-flavor-rxtx', 'FlavorRxtx', 'The bandwidth factor of a flavor.'],
  ['os-flavor-swap', 'FlavorSwap', 'The swap disk of a flavor.'],
  ['os-hypervisors', 'Hypervisors', 'Compute nodes, for admins.'],
  ['os-instance-actions', 'InstanceActions', 'What was done to a server.'],
  ['os-keypairs', 'Keypairs', 'Public keys of users.'],
  ['os-multiple-create', 'MultipleCreate', 'Several servers in one request.'],
  ['os-quota-class-sets', 'QuotaClasses', 'Limits of classes of projects.'],
  ['os-quota-sets', 'Quotas', 'Limits of projects and users.'],
  ['os-server-external-events', 'ServerExternalEvents', 'Other services tell of events of servers.'],
  ['os-server-groups', 'ServerGroups', 'Servers that stand together or apart.'],
  ['os-server-start-stop', 'ServerStartStop', 'Starting and stopping servers.'],
  ['os-services', 'Services', 'The services of nova, for admins.'],
  ['os-simple-tenant-usage', 'SimpleTenantUsage', 'What projects used in a period.'],
  ['os-used-limits', 'UsedLimits', 'What is used of the limits.'],
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
