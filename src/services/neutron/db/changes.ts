// What of neutron's rows is a state: each change of it leaves an event.
import { changesOf } from '#core/db'
import { operationChanges } from '#core/operations'

const standard = { id: 'id', project: 'project_id' }

export const neutronChanges = [
  ...operationChanges,
  ...changesOf({ ...standard, type: 'network', table: 'networks', name: 'name', states: ['status'] }),
  ...changesOf({
    ...standard, type: 'port', table: 'ports', name: 'name', states: ['status', 'device_id'],
    related: { network_id: 'network_id', device_id: 'device_id' }, internals: { host: 'host_id' },
  }),
  ...changesOf({ ...standard, type: 'router', table: 'routers', name: 'name', states: ['status', 'gateway_network_id'], internals: { host: 'host' } }),
  ...changesOf({
    ...standard, type: 'floatingip', table: 'floating_ips', name: 'floating_ip_address', states: ['status', 'fixed_port_id', 'fixed_ip_address'],
    related: { port_id: 'fixed_port_id', router_id: 'router_id', network_id: 'floating_network_id' },
  }),
]
