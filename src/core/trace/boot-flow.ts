// The 51 steps of a boot: their numbers, actors and names. Code records a step by its number where it runs;
// nothing else writes a row.

export interface BootStep {
  readonly number: number
  readonly from: string
  readonly to: string
  readonly name: string
}

const lines: readonly (readonly [string, string, string])[] = [
  ['client', 'keystone', 'asks for a token'],
  ['keystone', 'client', 'token, roles, catalog'],
  ['client', 'nova-api', 'create-server request'],
  ['nova-api', 'keystone', 'is the token valid'],
  ['keystone', 'nova-api', 'verdict and context'],
  ['nova-api', 'database', 'stores the request'],
  ['database', 'nova-api', 'stored; the client has its 202'],
  ['nova-api', 'bus', 'hands the build to conductor and scheduler'],
  ['bus', 'nova-scheduler', 'takes the request'],
  ['nova-scheduler', 'placement', 'which hosts could carry it'],
  ['placement', 'nova-scheduler', 'candidates; filters and weights choose one'],
  ['nova-scheduler', 'bus', 'names the chosen host'],
  ['bus', 'nova-compute', 'takes the build'],
  ['nova-compute', 'bus', 'asks for the instance and its flavor'],
  ['bus', 'nova-conductor', 'takes the question'],
  ['nova-conductor', 'database', 'reads instance and flavor'],
  ['database', 'nova-conductor', 'the row'],
  ['nova-conductor', 'bus', 'answers'],
  ['bus', 'nova-compute', 'knows what to claim'],
  ['nova-compute', 'glance-api', 'asks for the image'],
  ['glance-api', 'keystone', 'is the token valid'],
  ['keystone', 'glance-api', 'verdict'],
  ['glance-api', 'image registry', "asks for the image's record"],
  ['image registry', 'database', 'metadata and location'],
  ['image registry', 'glance-api', 'the record'],
  ['glance-api', 'store', 'opens the bits'],
  ['glance-api', 'nova-compute', 'the image, verified against its hash'],
  ['nova-compute', 'neutron-server', 'asks for ports'],
  ['neutron-server', 'keystone', 'is the token valid; verdict'],
  ['neutron-server', 'bus', 'hands the port to its plugin'],
  ['bus', 'ML2 plugin', 'takes it'],
  ['ML2 plugin', 'database', 'segment, binding and addresses'],
  ['ML2 plugin', 'bus', "tells the agents of the chosen host"],
  ['bus', 'network agents', 'wire the port: bridge, tap, filter, DHCP lease'],
  ['agent', 'database', 'state saved through the server'],
  ['agent', 'bus', 'port is up'],
  ['bus', 'neutron-server', 'takes it'],
  ['neutron-server', 'nova-compute', 'network-vif-plugged'],
  ['nova-compute', 'cinder-api', 'asks for the volume'],
  ['cinder-api', 'keystone', 'is the token valid; verdict'],
  ['cinder-api', 'bus', 'hands it on'],
  ['bus', 'cinder-scheduler', 'takes it'],
  ['cinder-scheduler', 'database', 'which backends could hold it; one is chosen'],
  ['cinder-scheduler', 'bus', 'names the chosen backend'],
  ['bus', 'cinder-volume', 'takes it'],
  ['cinder-volume', 'storage driver', 'makes the device'],
  ['cinder-volume', 'database', 'saves it'],
  ['cinder-volume', 'bus', 'done'],
  ['bus', 'cinder-api', 'takes it'],
  ['cinder-api', 'nova-compute', 'connection info'],
  ['nova-compute', 'hypervisor', 'defines and starts the virtual machine'],
]

export const bootFlow: readonly BootStep[] = lines.map(([from, to, name], at) => ({ number: at + 1, from, to, name }))
