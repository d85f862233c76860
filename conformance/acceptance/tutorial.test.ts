// A tutorial's work with Debian's openstack client, unmodified, command by command, on the real engines; and the host as it was.
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hostState, processesOf } from './host-state.ts'
import { canRunReal, eventually, prepareRealCloud } from './real-cloud.ts'

test('a newcomer works through a tutorial with the openstack client, and nothing is left behind', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const cloud = await prepareRealCloud(1)
  t.after(() => cloud.remove())
  const { openstack, asAdmin } = cloud
  const before = hostState()

  await cloud.nimbo('up')
  const again = await cloud.nimbo('up')
  assert.match(again, /runs already/)
  const status = JSON.parse(await cloud.nimbo('status', '--json'))
  assert.equal(status.phase, 'ready')

  // Image from a file.
  const imageFile = join(cloud.directory, 'image.qcow2')
  await openstack('image', 'save', '--file', imageFile, 'nimbo-test')
  const image = await openstack('image', 'create', '--disk-format', 'qcow2', '--container-format', 'bare', '--property', 'os_admin_user=nimbo', '--file', imageFile, 'tutorial')
  assert.equal((await openstack('image', 'show', image.id)).status, 'active')

  const flavor = await asAdmin('flavor', 'create', '--ram', '128', '--disk', '1', '--vcpus', '1', 'tutorial')
  assert.equal(flavor.ram, 128)

  // Network, subnet, router.
  await openstack('network', 'create', 'tutorial')
  await openstack('subnet', 'create', '--network', 'tutorial', '--subnet-range', '192.168.50.0/24', 'tutorial')
  await openstack('router', 'create', 'tutorial')
  await openstack('router', 'set', '--external-gateway', 'public', 'tutorial')
  await openstack('router', 'add', 'subnet', 'tutorial', 'tutorial')

  await openstack('security', 'group', 'create', 'tutorial')
  await openstack('security', 'group', 'rule', 'create', '--protocol', 'tcp', '--dst-port', '22', 'tutorial')
  await openstack('security', 'group', 'rule', 'create', '--protocol', 'icmp', 'tutorial')

  const keyFile = join(cloud.directory, 'key')
  writeFileSync(keyFile, String(await openstack('keypair', 'create', 'tutorial')))
  chmodSync(keyFile, 0o600)

  const server = await openstack('server', 'create', '--image', 'tutorial', '--flavor', 'tutorial', '--network', 'tutorial', '--security-group', 'tutorial', '--key-name', 'tutorial', '--wait', 'tutorial')
  assert.equal(server.status, 'ACTIVE')

  const floating = await openstack('floating', 'ip', 'create', 'public')
  const address = String(floating.floating_ip_address)
  assert.ok(address.startsWith(`${cloud.publicPrefix}.`))
  await openstack('server', 'add', 'floating', 'ip', 'tutorial', address)

  const hostname = await eventually('ssh answers', 90, () => cloud.ssh(keyFile, address, 'hostname'))
  assert.equal(hostname.trim(), 'tutorial')
  assert.equal(JSON.parse(await cloud.ssh(keyFile, address, 'wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json')).uuid, server.id)

  // One more group, which the client looks for in nova, and out of it again.
  await openstack('security', 'group', 'create', 'tutorial-more')
  const groups = async () => (await openstack('server', 'show', 'tutorial')).security_groups.map((group: { name: string }) => group.name).sort()
  await openstack('server', 'add', 'security', 'group', 'tutorial', 'tutorial-more')
  assert.deepEqual(await groups(), ['tutorial', 'tutorial-more'])
  await openstack('server', 'remove', 'security', 'group', 'tutorial', 'tutorial-more')
  assert.deepEqual(await groups(), ['tutorial'])
  await openstack('security', 'group', 'delete', 'tutorial-more')

  // A volume, written to from inside.
  const volume = await openstack('volume', 'create', '--size', '1', 'tutorial')
  await eventually('the volume is available', 60, async () => (await openstack('volume', 'show', volume.id)).status === 'available')
  await openstack('server', 'add', 'volume', 'tutorial', 'tutorial')
  await eventually('the volume is in use', 60, async () => (await openstack('volume', 'show', volume.id)).status === 'in-use')
  await eventually('the guest sees the disk', 30, async () => (await cloud.ssh(keyFile, address, 'cat /proc/partitions')).includes('vdb'))
  const written = await cloud.ssh(keyFile, address, 'echo "kept by nimbo" | sudo -n dd of=/dev/vdb bs=512 conv=sync,fsync 2>/dev/null && sudo -n dd if=/dev/vdb bs=512 count=1 2>/dev/null | head -c 13')
  assert.equal(written, 'kept by nimbo')
  await openstack('server', 'remove', 'volume', 'tutorial', 'tutorial')
  await eventually('the volume is free again', 60, async () => (await openstack('volume', 'show', volume.id)).status === 'available')
  assert.ok(!(await cloud.ssh(keyFile, address, 'cat /proc/partitions')).includes('vdb'))

  assert.match(await openstack('console', 'log', 'show', 'tutorial'), /login:/)
  await openstack('server', 'reboot', '--wait', 'tutorial')
  await eventually('ssh answers after the reboot', 90, () => cloud.ssh(keyFile, address, 'true').then(() => true))

  // The guest goes on while the control plane is away.
  const bootedAt = (await cloud.ssh(keyFile, address, 'cat /proc/sys/kernel/random/boot_id')).trim()
  await cloud.nimbo('down')
  await cloud.nimbo('up')
  assert.equal((await openstack('server', 'show', 'tutorial')).status, 'ACTIVE')
  assert.equal((await eventually('ssh answers', 30, () => cloud.ssh(keyFile, address, 'cat /proc/sys/kernel/random/boot_id'))).trim(), bootedAt)

  const traces = JSON.parse(await cloud.nimbo('trace', 'list', '--json')) as { server: string; outcome: string }[]
  assert.equal(traces.find((trace) => trace.server === server.id)?.outcome, 'ACTIVE')

  // Delete all.
  await openstack('server', 'delete', '--wait', 'tutorial')
  await openstack('floating', 'ip', 'delete', address)
  await openstack('volume', 'delete', 'tutorial')
  await openstack('router', 'remove', 'subnet', 'tutorial', 'tutorial')
  await openstack('router', 'delete', 'tutorial')
  await openstack('network', 'delete', 'tutorial')
  await openstack('security', 'group', 'delete', 'tutorial')
  await openstack('keypair', 'delete', 'tutorial')
  await openstack('image', 'delete', 'tutorial')
  await asAdmin('flavor', 'delete', 'tutorial')
  await eventually('the volume is gone', 30, async () => (await openstack('volume', 'list')).length === 0)
  assert.deepEqual(await openstack('server', 'list'), [])

  await cloud.nimbo('down')
  assert.deepEqual(processesOf(cloud.directory), [])
  assert.deepEqual(hostState(), before)
  assert.deepEqual(await cloud.strayFiles(), [])
})
