// Why a server found no host, as its owner and an admin read it with Debian's openstack client, unmodified, and with `nimbo trace show`.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { canRunReal, eventually, prepareRealCloud } from './real-cloud.ts'

const skip = canRunReal && existsSync('/usr/bin/openstack') ? false : 'needs root and the openstack client'

test('a server that fits on no host tells its owner what there was too little of and what filters removed, and admins where', { skip }, async (t) => {
  const cloud = await prepareRealCloud(15, { driver: 'fake' })
  const { openstack, asAdmin } = cloud
  t.after(() => cloud.remove())
  await cloud.nimbo('up')
  await asAdmin('quota', 'set', '--ram', '-1', 'demo')
  await asAdmin('flavor', 'create', '--ram', '1000000', '--disk', '1', '--vcpus', '1', 'huge')
  const [{ Host: host }] = await asAdmin('compute', 'service', 'list', '--service', 'nova-compute')

  /** What each of them reads of why there was no host. */
  const readWhy = async (flavor: string, name: string) => {
    const { id } = await openstack('server', 'create', '--image', 'nimbo-test', '--flavor', flavor, '--network', 'private', name)
    await eventually(`${name} is in ERROR`, 30, async () => (await openstack('server', 'show', id)).status === 'ERROR')
    const [listed] = await openstack('server', 'event', 'list', '--long', name)
    const shown = await openstack('server', 'event', 'show', name, listed['Request ID'])
    const { events: [event] } = await asAdmin('server', 'event', 'show', id, listed['Request ID'])
    const { fault } = await openstack('server', 'show', id)
    assert.deepEqual([listed.Message, shown.message], [fault.message, fault.message])
    const trace = await cloud.nimbo('trace', 'show', name)
    assert.match(trace, /the boot ended ERROR\.$/m)
    const failed = trace.split('\n').find((line) => / failed /.test(line)) ?? ''
    return { owner: shown.message as string, admin: event.traceback as string, trace: failed }
  }
  const opening = 'No valid host was found. There are not enough hosts available.'

  const huge = await readWhy('huge', 'huge')
  const [needed, counts] = ['VCPU 1, MEMORY_MB 1000000, DISK_GB 1', '(each alone: VCPU 1 on 1, MEMORY_MB 1000000 on 0, DISK_GB 1 on 1)']
  assert.equal(huge.owner, `${opening} 0 of 1 hosts have room for ${needed} ${counts}.`)
  assert.match(huge.admin, new RegExp(`^no room for ${needed}: ${host}$`, 'm'))
  assert.ok(huge.trace.startsWith(' 11 ') && huge.trace.includes(`failed ${huge.owner}; no room for ${needed}: ${host}; `), huge.trace)

  await asAdmin('compute', 'service', 'set', '--disable', host, 'nova-compute')
  const closed = await readWhy('m1.nano', 'closed')
  assert.equal(closed.owner, `${opening} 1 of 1 hosts have room for VCPU 1, MEMORY_MB 128, DISK_GB 1. ComputeFilter: 0 of 1 passed.`)
  assert.match(closed.admin, new RegExp(`^ComputeFilter removed: ${host}$`, 'm'))
  assert.ok(closed.trace.includes(`failed ${closed.owner}; no room for`) && closed.trace.endsWith(`ComputeFilter removed: ${host}`), closed.trace)
})
