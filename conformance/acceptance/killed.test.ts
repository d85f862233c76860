// The control plane dies by SIGKILL while it builds a server on the real engines: before, during and after the spawn. After the
// restart the server ends ACTIVE, or in ERROR with a reason; once it is deleted nothing of it is left.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { askControl } from '../../src/app/control.ts'
import { untilWhole } from './as-demo.ts'
import { hostState, processesOf } from './host-state.ts'
import { canRunReal, eventually, prepareRealCloud, type RealCloud } from './real-cloud.ts'

test('a server whose builder is killed ends ACTIVE or in an understandable ERROR, and leaves nothing behind', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const cloud = await prepareRealCloud(2)
  t.after(() => cloud.remove())
  const before = hostState()
  await cloud.nimbo('up')

  await t.test('killed before the spawn, while ports and volumes are made', () => killAt(cloud, 'early', async (name) => (await steps(cloud, name)).some((step) => step >= 20)))
  await t.test('killed during the spawn, once QEMU runs', () => killAt(cloud, 'during', async () => guests(cloud).length > 0))
  await t.test('killed after the spawn', () => killAt(cloud, 'after', async (name) => (await steps(cloud, name)).includes(51)))

  await cloud.nimbo('down')
  assert.deepEqual(processesOf(cloud.directory), [])
  assert.deepEqual(hostState(), before)
  assert.deepEqual(await cloud.strayFiles(), [])
})

async function killAt(cloud: RealCloud, name: string, reached: (name: string) => Promise<boolean>): Promise<void> {
  const { openstack } = cloud
  const server = await openstack('server', 'create', '--image', 'nimbo-test', '--flavor', 'm1.nano', '--network', 'private', '--block-device', 'source_type=blank,destination_type=volume,volume_size=1,delete_on_termination=true,boot_index=-1', name)
  for (const end = performance.now() + 60_000; performance.now() < end && !(await reached(name));) await sleep(2)
  const { pid } = JSON.parse(readFileSync(join(cloud.directory, 'data', 'run', 'state.json'), 'utf8')) as { pid: number }
  process.kill(pid, 'SIGKILL')
  await eventually('the process is gone', 10, async () => !processesOf(cloud.directory).some((each) => each.startsWith(`${pid} `)))
  await cloud.nimbo('up')

  const settled = await eventually('the server has an end', 120, async () => {
    const shown = await openstack('server', 'show', server.id)
    return shown.status === 'BUILD' ? undefined : shown
  })
  if (settled.status === 'ERROR') assert.ok(String(settled.fault?.message ?? '').length > 10, 'a fault that its owner understands')
  else assert.equal(settled.status, 'ACTIVE')
  await untilWhole(cloud)

  await openstack('server', 'delete', '--wait', server.id)
  await eventually('the volume is gone', 60, async () => (await openstack('volume', 'list')).length === 0)
  const ports = (await openstack('port', 'list', '--device-id', server.id)) as unknown[]
  assert.deepEqual(ports, [])
  assert.deepEqual(guests(cloud), [])
  await untilWhole(cloud)
}

function guests(cloud: RealCloud): string[] {
  return processesOf(cloud.directory).filter((each) => /qemu-system/.test(each))
}

async function steps(cloud: RealCloud, name: string): Promise<number[]> {
  const trace = await askControl<{ steps: readonly { number: number }[] }>(join(cloud.directory, 'data', 'run', 'control.sock'), `/traces/${name}`)
  return trace?.steps.map((step) => step.number) ?? []
}
