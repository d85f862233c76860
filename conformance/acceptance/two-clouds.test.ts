// Two clouds on one machine, each with its own folder, ports and public range: what one does, the other does not notice.
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hostState, processesOf } from './host-state.ts'
import { canRunReal, eventually, prepareRealCloud, type RealCloud } from './real-cloud.ts'

interface Guest {
  /** Which boot it is of that guest: another one after a restart. */
  boot(): Promise<string>
}

async function guestIn({ directory, publicPrefix, openstack, ssh }: RealCloud): Promise<Guest> {
  const keyFile = join(directory, 'key')
  writeFileSync(keyFile, String(await openstack('keypair', 'create', 'side')))
  chmodSync(keyFile, 0o600)
  await openstack('security', 'group', 'rule', 'create', '--protocol', 'tcp', '--dst-port', '22', 'default')
  const server = await openstack('server', 'create', '--image', 'nimbo-test', '--flavor', 'm1.nano', '--network', 'private', '--key-name', 'side', '--wait', 'side')
  assert.equal(server.status, 'ACTIVE')
  const address = String((await openstack('floating', 'ip', 'create', 'public')).floating_ip_address)
  assert.ok(address.startsWith(`${publicPrefix}.`))
  await openstack('server', 'add', 'floating', 'ip', 'side', address)
  return { boot: () => eventually(`the guest at ${address} answers`, 90, async () => (await ssh(keyFile, address, 'cat /proc/sys/kernel/random/boot_id')).trim()) }
}

test('two clouds live side by side, and each goes without a trace in the other', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const before = hostState()
  const [one, two] = await Promise.all([prepareRealCloud(8), prepareRealCloud(9)])
  t.after(() => Promise.all([one.remove(), two.remove()]))
  await Promise.all([one.nimbo('up'), two.nimbo('up')])
  const [first, second] = await Promise.all([guestIn(one), guestIn(two)])
  const [boot, other] = await Promise.all([first.boot(), second.boot()])
  assert.notEqual(boot, other)

  await t.test('the API of one goes down; both guests and the other API do not', async () => {
    await one.nimbo('down')
    assert.equal(await first.boot(), boot)
    assert.equal(await second.boot(), other)
    assert.equal((await two.openstack('server', 'show', 'side')).status, 'ACTIVE')
  })

  await t.test('one is removed with all that it has; the other is whole, and can stop and start', async () => {
    await one.remove()
    assert.deepEqual(processesOf(one.directory), [])
    assert.equal(await second.boot(), other)
    await two.nimbo('down')
    await two.nimbo('up')
    assert.equal((await two.openstack('server', 'show', 'side')).status, 'ACTIVE')
    assert.equal(await second.boot(), other)
  })

  await two.openstack('server', 'delete', '--wait', 'side')
  await two.nimbo('down')
  assert.deepEqual(processesOf(two.directory), [])
  assert.deepEqual(hostState(), before)
  for (const cloud of [one, two]) assert.deepEqual(await cloud.strayFiles(), [])
})
