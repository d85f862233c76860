// What must be true of the rows of a cloud at rest, whatever its engines are: of a simulated one, and of a real one that was killed.
import { faultsAreTold } from './faults.ts'
import { groupsAreRight, placesAreRight } from './places.ts'
import { operationDatabases, type Row, type Rows, type Say } from './rows.ts'

export async function openOperations(rows: Rows): Promise<readonly Row[]> {
  const found: Row[] = []
  for (const database of operationDatabases) {
    for (const row of await rows.of(database, 'operations').catch(() => [])) if (row['finished_at'] === null) found.push({ ...row, database })
  }
  return found
}

/** @returns a sentence for each thing that is wrong */
export async function rowViolations(rows: Rows): Promise<readonly string[]> {
  const wrong: string[] = []
  const say = (sentence: string) => void wrong.push(sentence)

  for (const row of await openOperations(rows)) say(`operation ${row['kind']} ${row['id']} of ${row['resource_id']} in ${row['database']} is ${row['status']} at position ${row['position']}, attempt ${row['attempt']}`)
  await identityIsRight(rows, say)
  await computeIsRight(rows, say)
  await placesAreRight(rows, say)
  await groupsAreRight(rows, say)
  await networkIsRight(rows, say)
  await volumesAreRight(rows, say)
  await imagesAreRight(rows, say)
  await faultsAreTold(rows, say)
  return wrong
}

async function identityIsRight(rows: Rows, say: Say): Promise<void> {
  const projects = new Set((await rows.of('keystone', 'projects')).map((row) => row['id']))
  const users = new Set((await rows.of('keystone', 'users')).map((row) => row['id']))
  const roles = new Set((await rows.of('keystone', 'roles')).map((row) => row['id']))
  for (const row of await rows.of('keystone', 'assignments')) {
    if (!roles.has(row['role_id'])) say(`role ${row['role_id']} is gone and ${row['actor_id']} has it`)
    if (row['actor_type'] === 'user' && !users.has(row['actor_id'])) say(`user ${row['actor_id']} is gone and has a role`)
    if (row['target_type'] === 'project' && !projects.has(row['target_id'])) say(`project ${row['target_id']} is gone and somebody has a role in it`)
  }
}

const restingVmStates = new Set(['active', 'stopped', 'error'])

async function computeIsRight(rows: Rows, say: Say): Promise<void> {
  const live = (await rows.of('nova_cell1', 'instances')).filter((row) => row['deleted'] === 0)
  const buried = (await rows.of('nova_cell0', 'instances')).filter((row) => row['deleted'] === 0)
  const servers = new Map([...live, ...buried].map((row) => [String(row['uuid']), row]))
  for (const [id, row] of servers) {
    if (row['task_state'] !== null) say(`server ${id} rests in task state ${row['task_state']}`)
    if (!restingVmStates.has(row['vm_state'])) say(`server ${id} rests in vm state ${row['vm_state']}`)
  }
  for (const row of await rows.of('nova_api', 'build_requests')) say(`server ${row['instance_uuid']} is still only a request`)
  const mappings = await rows.of('nova_api', 'instance_mappings')
  for (const row of mappings) {
    if (!servers.has(row['instance_uuid']) && row['queued_for_delete'] === 0) say(`server ${row['instance_uuid']} counts against the quota and is in no cell`)
    if (servers.has(row['instance_uuid']) && row['queued_for_delete'] !== 0) say(`server ${row['instance_uuid']} is there and counts against no quota`)
  }
  for (const id of servers.keys()) if (!mappings.some((row) => row['instance_uuid'] === id)) say(`server ${id} has no mapping`)
  for (const cell of ['nova_cell0', 'nova_cell1']) {
    const events = await rows.of(cell, 'instance_actions_events')
    for (const action of await rows.of(cell, 'instance_actions')) {
      if (!servers.has(action['instance_uuid'])) continue
      if (action['finish_time'] === null) say(`the action ${action['action']} of server ${action['instance_uuid']} never ends`)
      const names = events.filter((event) => event['action_id'] === action['id']).map((event) => `${event['event']} ${event['result']} on ${event['host']}: ${event['details']}`)
      if (new Set(names).size !== names.length) say(`the action ${action['action']} of server ${action['instance_uuid']} tells the same twice: ${names.join(', ')}`)
    }
  }

  const disks = await rows.of('nova_cell1', 'block_device_mappings')
  const ports = await rows.of('nova_cell1', 'virtual_interfaces')
  for (const disk of disks) if (!servers.has(disk['instance_uuid'])) say(`a disk of server ${disk['instance_uuid']}, which is gone, is still there`)
  for (const port of ports) if (!servers.has(port['instance_uuid'])) say(`an interface of server ${port['instance_uuid']}, which is gone, is still there`)
}

async function networkIsRight(rows: Rows, say: Say): Promise<void> {
  const ports = await rows.of('neutron', 'ports')
  const byId = new Map(ports.map((port) => [String(port['id']), port]))
  const allocations = await rows.of('neutron', 'ip_allocations')
  const networks = new Set((await rows.of('neutron', 'networks')).map((row) => row['id']))
  const servers = new Set((await rows.of('nova_cell1', 'instances')).filter((row) => row['deleted'] === 0).map((row) => row['uuid']))
  const interfaces = new Set((await rows.of('nova_cell1', 'virtual_interfaces')).map((row) => row['uuid']))
  for (const allocation of allocations) if (!byId.has(allocation['port_id'])) say(`address ${allocation['ip_address']} is held by port ${allocation['port_id']}, which is gone`)
  const seen = new Set<string>()
  for (const allocation of allocations) {
    const key = `${allocation['subnet_id']} ${allocation['ip_address']}`
    if (seen.has(key)) say(`address ${key} is on two ports`)
    seen.add(key)
  }
  for (const port of ports) {
    const owner = String(port['device_owner'])
    if (!networks.has(port['network_id'])) say(`port ${port['id']} is on network ${port['network_id']}, which is gone`)
    if (!owner.startsWith('compute:')) continue
    if (!servers.has(port['device_id'])) say(`port ${port['id']} belongs to server ${port['device_id']}, which is gone`)
    else if (!interfaces.has(port['id'])) say(`port ${port['id']} says it is of server ${port['device_id']}, which does not know it`)
    if (port['status'] === 'BUILD') say(`port ${port['id']} rests in BUILD`)
  }
  for (const row of await rows.of('nova_cell1', 'virtual_interfaces')) {
    if (!servers.has(row['instance_uuid'])) continue
    const port = byId.get(row['uuid'])
    if (port && port['device_id'] !== row['instance_uuid']) say(`server ${row['instance_uuid']} has the port ${row['uuid']}, which belongs to ${JSON.stringify(port['device_id'])}`)
    if (!port) say(`server ${row['instance_uuid']} has the port ${row['uuid']}, which is gone`)
  }
  const routers = await rows.of('neutron', 'routers')
  for (const address of await rows.of('neutron', 'floating_ips')) {
    if (!byId.has(address['floating_port_id'])) say(`floating address ${address['id']} has no port`)
    if (address['fixed_port_id'] !== null && !byId.has(address['fixed_port_id'])) say(`floating address ${address['id']} leads to a port that is gone`)
    else if (address['fixed_port_id'] !== null && !allocations.some((row) => row['port_id'] === address['fixed_port_id'] && row['ip_address'] === address['fixed_ip_address'])) say(`floating address ${address['id']} leads to ${address['fixed_ip_address']}, which port ${address['fixed_port_id']} does not have`)
    if (address['router_id'] !== null && !routers.some((row) => row['id'] === address['router_id'])) say(`floating address ${address['id']} leads through a router that is gone`)
  }
  for (const router of routers) if (router['gateway_port_id'] !== null && !byId.has(router['gateway_port_id'])) say(`router ${router['id']} has a gateway port that is gone`)
  for (const port of ports) {
    if (String(port['device_owner']).startsWith('network:router') && !routers.some((row) => row['id'] === port['device_id'])) say(`port ${port['id']} belongs to router ${port['device_id']}, which is gone`)
  }
}

/** What could not grow is deleted by its owner, or put right by an administrator. */
const restingVolumes = new Set(['available', 'in-use', 'error', 'error_extending'])

async function volumesAreRight(rows: Rows, say: Say): Promise<void> {
  const volumes = await rows.of('cinder', 'volumes')
  const attachments = await rows.of('cinder', 'volume_attachments')
  const disks = (await rows.of('nova_cell1', 'block_device_mappings')).filter((row) => row['volume_id'] !== null)
  for (const volume of volumes) {
    const { id, status } = volume
    const own = attachments.filter((row) => row['volume_id'] === id)
    if (!restingVolumes.has(status)) say(`volume ${id} rests in ${status}`)
    if ((status === 'in-use') !== own.some((row) => row['attach_status'] === 'attached')) say(`volume ${id} is ${status} with the attachments ${own.map((row) => row['attach_status']).join(' ') || 'none'}`)
    if (own.length > 1) say(`volume ${id} is attached ${own.length} times`)
    if (volume['claimed_size'] !== volume['size']) say(`volume ${id} has ${volume['size']} GiB and counts ${volume['claimed_size']} against the quota`)
    if (own.length === 0 && volume['attach_status'] !== 'detached') say(`volume ${id} says that it is ${volume['attach_status']}, and nobody uses it`)
  }
  for (const attachment of attachments) {
    const { id, volume_id: volumeId, instance_uuid: server } = attachment
    if (!volumes.some((row) => row['id'] === volumeId)) say(`attachment ${id} is of volume ${volumeId}, which is gone`)
    if (!disks.some((row) => row['volume_id'] === volumeId && row['instance_uuid'] === server)) say(`volume ${volumeId} is attached to server ${server}, which does not know it`)
  }
  const resting = new Map((await rows.of('nova_cell1', 'instances')).filter((row) => row['deleted'] === 0 && row['vm_state'] !== 'error').map((row) => [row['uuid'], row]))
  for (const disk of disks) {
    const own = attachments.find((row) => row['id'] === disk['attachment_id'])
    if (resting.has(disk['instance_uuid']) && (!own || own['volume_id'] !== disk['volume_id'] || own['attach_status'] !== 'attached')) say(`server ${disk['instance_uuid']} names ${disk['attachment_id']} as its attachment of volume ${disk['volume_id']}, which is ${own ? `of ${own['volume_id']} and ${own['attach_status']}` : 'none'}`)
    if (!attachments.some((row) => row['id'] === disk['attachment_id'] || (row['volume_id'] === disk['volume_id'] && row['instance_uuid'] === disk['instance_uuid']))) say(`server ${disk['instance_uuid']} has the volume ${disk['volume_id']} without an attachment`)
  }
}

async function imagesAreRight(rows: Rows, say: Say): Promise<void> {
  for (const image of await rows.of('glance', 'images')) {
    if (!['active', 'queued', 'killed', 'deactivated'].includes(image['status'])) say(`image ${image['id']} rests in ${image['status']}`)
  }
  for (const row of await rows.of('glance', 'uploads')) say(`an upload of image ${row['image_id']} is noted that nobody makes`)
}
