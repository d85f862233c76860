import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'

test('a member makes a network, a subnet and a port, and the port has an address at once', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'neutron'])
  const demo = await cloud.login('demo')

  const { body: { network } } = await demo.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'blue' } })
  const { body: { subnet } } = await demo.call('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } })
  const { status, body: { port } } = await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: network.id, name: 'first' } })

  assert.equal(status, 201)
  const { body: { security_groups: [group] } } = await demo.call('neutron', 'GET', '/v2.0/security-groups')
  assert.match(port.fixed_ips[0].ip_address, /^10\.1\.0\.\d+$/)
  assert.match(port.mac_address, /^fa:16:3e(:[0-9a-f]{2}){3}$/)
  assert.deepEqual(port, {
    id: port.id, name: 'first', network_id: network.id, tenant_id: demo.projectId, project_id: demo.projectId, mac_address: port.mac_address,
    admin_state_up: true, status: 'DOWN', device_id: '', device_owner: '', fixed_ips: [{ subnet_id: subnet.id, ip_address: port.fixed_ips[0].ip_address }],
    security_groups: [group.id], allowed_address_pairs: [], extra_dhcp_opts: [], port_security_enabled: true, 'binding:vnic_type': 'normal',
    description: '', tags: [], created_at: port.created_at, updated_at: port.updated_at, revision_number: 1,
  })
})
