// The main job as the README has it: one command from nothing to a server that one is logged in to, and one that removes it all.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { asDemo } from './as-demo.ts'
import { hostState, processesOf } from './host-state.ts'
import { canRunReal, prepareRealCloud } from './real-cloud.ts'

/** Where each kind of thing that the demo makes is listed, and under which name. */
const lists = [
  ['nova', '/v2.1/servers', 'servers'], ['nova', '/v2.1/os-keypairs', 'keypairs'], ['cinder', '/v3/volumes', 'volumes'], ['neutron', '/v2.0/floatingips', 'floatingips'],
  ['neutron', '/v2.0/routers', 'routers'], ['neutron', '/v2.0/networks', 'networks'], ['neutron', '/v2.0/subnets', 'subnets'], ['neutron', '/v2.0/ports', 'ports'],
  ['neutron', '/v2.0/security-groups', 'security_groups'], ['neutron', '/v2.0/security-group-rules', 'security_group_rules'],
] as const

test('the demo boots a server that answers over ssh, shows its 51 steps, and goes without a trace', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const cloud = await prepareRealCloud(11)
  t.after(() => cloud.remove())
  const before = hostState()
  await cloud.nimbo('up')
  const { session } = await asDemo(cloud)
  const owned = async () => Object.fromEntries(await Promise.all(lists.map(async ([service, path, collection]) => [collection, ((await session.send(service, 'GET', path))[collection] as object[]).length])))
  const untouched = await owned()

  const told = await cloud.nimbo('demo')
  const server = (await session.send('nova', 'GET', '/v2.1/servers')).servers[0]
  const address = /([\d.]+) from outside/.exec(told)?.[1] ?? ''
  const keyFile = join(cloud.directory, 'demo', 'id')

  await t.test('it shows the steps as they are done, what the guest sees, and how to go on', () => {
    const steps = [...told.matchAll(/^ {1,2}(\d+) {2}\S.* → /gm)].map(([, number]) => Number(number))
    assert.deepEqual([...new Set(steps)].sort((a, b) => a - b), Array.from({ length: 51 }, (_each, at) => at + 1))
    assert.match(told, /rows; the boot ended ACTIVE\./)
    assert.match(told, /^ {2}name {6}nimbo-demo$/m)
    assert.match(told, /^ {2}address {3}192\.168\.77\.\d+\/24$/m)
    assert.match(told, new RegExp(`^ {2}metadata {2}\\{.*${String(server.id)}`, 'm'))
    assert.match(told, /^ {2}disks {5}vda vdb/m)
    assert.match(told, new RegExp(`^ {2}ssh -i ${keyFile} .*nimbo@${address}$`, 'm'))
    assert.match(told, /demo --clean$/m)
  })

  await t.test('ssh answers as it says, and the boot is kept with its 51 steps', async () => {
    assert.equal(await cloud.ssh(keyFile, address, 'hostname'), 'nimbo-demo\n')
    const { name, outcome, steps } = JSON.parse(await cloud.nimbo('trace', 'show', 'nimbo-demo', '--json'))
    assert.deepEqual([name, outcome], ['nimbo-demo', 'ACTIVE'])
    assert.deepEqual(steps.map((step: { number: number }) => step.number), Array.from({ length: 51 }, (_each, at) => at + 1))
    for (const step of steps) assert.deepEqual(Object.keys(step).filter((key) => key !== 'detail'), ['number', 'name', 'actor', 'outcome', 'started_at', 'duration_ms', 'attempt'])
  })

  await t.test('a second demo beside it is refused', async () => {
    await assert.rejects(cloud.nimbo('demo'), /The demo runs already/)
  })

  await t.test('clean removes all that it made; once more it is harmless', async () => {
    for (let time = 0; time < 2; time++) {
      assert.match(await cloud.nimbo('demo', '--clean'), /What the demo made is gone\./)
      assert.deepEqual(await owned(), untouched)
      assert.equal(existsSync(join(cloud.directory, 'demo')), false)
    }
    assert.match(await cloud.nimbo('trace', 'show', 'nimbo-demo'), /rows; the boot ended ACTIVE/)
  })

  await cloud.nimbo('down')
  assert.deepEqual(processesOf(cloud.directory), [])
  assert.deepEqual(hostState(), before)
  assert.deepEqual(await cloud.strayFiles(), [])
})
