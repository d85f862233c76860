// What other services say of servers has its effect, or its refusal is written down.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../../../app/testing/index.ts'
import { boot, must, show, startBench, until, untilStatus } from './bench.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })
const tell = (admin: Session, events: readonly unknown[], version = '2.93') => admin.call('nova', 'POST', '/v2.1/os-server-external-events', { events }, at(version))

async function eventsOf(admin: Session, serverId: string, action: string): Promise<any[]> {
  const { instanceActions } = must(await admin.call('nova', 'GET', `/v2.1/servers/${serverId}/os-instance-actions`, undefined, at('2.84')), 200)
  const found = instanceActions.find((each: any) => each.action === action)
  if (!found) return []
  return must(await admin.call('nova', 'GET', `/v2.1/servers/${serverId}/os-instance-actions/${found.request_id}`, undefined, at('2.84')), 200).instanceAction.events
}

test('each event has its code: unknown server, missing tag, server on no host, taken', async (t) => {
  const bench = await startBench(t)
  const { admin, demo, playground } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const { SpawnFailed } = await import('../drivers/index.ts')
  playground.before = (method) => {
    if (method === 'spawn') throw new SpawnFailed('no')
  }
  const failed = await boot(bench, { name: 'failed' })
  await untilStatus(demo, failed, 'ERROR')
  const nobody = '99999999-8888-4777-8666-555555555555'
  const answered = await tell(admin, [
    { server_uuid: nobody, name: 'network-changed' },
    { server_uuid: id, name: 'volume-extended' },
    { server_uuid: id, name: 'power-update' },
    { server_uuid: id, name: 'accelerator-request-bound' },
    { server_uuid: failed, name: 'network-vif-plugged', tag: nobody },
    { server_uuid: id, name: 'accelerator-request-bound', tag: 'arq' },
    { server_uuid: id, name: 'network-vif-plugged', tag: nobody, status: 'failed' },
    { server_uuid: id, name: 'volume-reimaged', tag: nobody },
  ])
  assert.deepEqual(must(answered, 207).events.map((event: any) => [event.name, event.status, event.code]), [
    ['network-changed', 'failed', 404], ['volume-extended', 'failed', 400], ['power-update', 'failed', 400], ['accelerator-request-bound', 'failed', 400],
    ['network-vif-plugged', 'failed', 422], ['accelerator-request-bound', 'completed', 200], ['network-vif-plugged', 'completed', 200], ['volume-reimaged', 'completed', 200],
  ])
  assert.deepEqual(must(await tell(admin, [{ server_uuid: nobody, name: 'network-changed' }]), 207).events, [{ server_uuid: nobody, name: 'network-changed', status: 'failed', code: 404 }])
  for (const [name, version] of [['volume-extended', '2.50'], ['power-update', '2.75'], ['accelerator-request-bound', '2.81'], ['volume-reimaged', '2.92']] as const) {
    assert.equal((await tell(admin, [{ server_uuid: id, name, tag: 'x' }], version)).status, 400, name)
  }
  assert.equal((await tell(demo, [{ server_uuid: id, name: 'network-changed' }])).status, 403)
})

test('a volume that grew is shown to the running guest with its new size, and the action says so', async (t) => {
  const bench = await startBench(t)
  const { admin, demo, playground } = bench
  const id = await boot(bench, {
    block_device_mapping_v2: [
      { source_type: 'image', uuid: bench.imageId, destination_type: 'local', boot_index: 0 },
      { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
    ],
  })
  const server = await untilStatus(demo, id, 'ACTIVE')
  const volumeId: string = server['os-extended-volumes:volumes_attached'][0].id
  must(await tell(admin, [{ server_uuid: id, name: 'volume-extended', tag: volumeId }]), 200)
  await until('the guest sees it', async () => playground.world?.guests.get(id)?.volumeBytes.get(volumeId) === 1024 ** 3)
  const events = await until('the action has ended', async () => {
    const found = await eventsOf(admin, id, 'extend_volume')
    return found.length > 0 && found
  })
  assert.deepEqual(events.map(({ event, result }) => [event, result]), [['compute_extend_volume', 'Success']])

  playground.before = (method) => {
    if (method === 'extendVolume') throw new Error('/var/lib/secret/qmp.sock said no')
  }
  must(await tell(admin, [{ server_uuid: id, name: 'volume-extended', tag: volumeId }]), 200)
  const again = await until('it failed', async () => {
    const found = await eventsOf(admin, id, 'extend_volume')
    return found[0]?.result === 'Error' && found
  })
  assert.equal(again[0].event, 'compute_extend_volume')
  assert.equal((await show(demo, id)).status, 'ACTIVE')
  const other = '99999999-8888-4777-8666-555555555555'
  must(await tell(admin, [{ server_uuid: id, name: 'volume-extended', tag: other }]), 200)
})

test('a power that somebody else says he changed is noted, and refused where the hypervisor has it in its own hands', async (t) => {
  const bench = await startBench(t)
  const { admin, demo } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  must(await tell(admin, [{ server_uuid: id, name: 'power-update', tag: 'POWER_ON' }]), 200)
  assert.deepEqual((await eventsOf(admin, id, 'start')).map(({ event, result }) => [event, result]), [['compute_power_update', 'Success']])
  must(await tell(admin, [{ server_uuid: id, name: 'power-update', tag: 'POWER_OFF' }]), 200)
  const [refused] = await eventsOf(admin, id, 'stop')
  assert.deepEqual([refused.event, refused.result, refused.details], ['compute_power_update', 'Error', "This server's hypervisor turns its power on and off itself; it does not take it from elsewhere."])
  assert.equal((await show(demo, id)).status, 'ACTIVE')
  must(await tell(admin, [{ server_uuid: id, name: 'power-update', tag: 'SIDEWAYS' }]), 200)
})
