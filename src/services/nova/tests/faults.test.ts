// Whatever fails inside, its owner reads nothing of the inside: no host, path, program or query. Admins read the causes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { AppError } from '#core/errors'
import type { FakePlayground } from '../host/driver.ts'
import { garden, plantHost } from './plant.ts'
import { type Bench, boot, must, show, startBench, until, untilStatus } from './bench.ts'

type Method = Parameters<NonNullable<FakePlayground['before']>>[0]
const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })
const inside = /secret|qmp|sqlite|select |host-1|nova-compute|\/var|at file/i
const poison = () => new TypeError('/var/lib/secret/qmp.sock: SQLITE_ERROR near "select secret"')

async function ownersView({ demo }: Bench, id: string): Promise<string> {
  const read = async (path: string) => must(await demo.call('nova', 'GET', `/v2.1/servers${path}`, undefined, at('2.93')), 200)
  const { instanceActions } = await read(`/${id}/os-instance-actions`)
  const events = await Promise.all(instanceActions.map((each: any) => read(`/${id}/os-instance-actions/${each.request_id}`)))
  return JSON.stringify([await show(demo, id), await read('/detail'), instanceActions, events])
}

async function adminsEvent({ admin }: Bench, id: string, action: string): Promise<any> {
  const { instanceActions } = must(await admin.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions`, undefined, at('2.93')), 200)
  const found = instanceActions.find((each: any) => each.action === action)
  return must(await admin.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions/${found.request_id}`, undefined, at('2.93')), 200).instanceAction.events[0]
}

for (const [name, error] of [['an unforeseen error', poison], ["a driver's refusal", () => new AppError(500, 'test.refused', 'It was refused.', { where: '/var/secret' }, poison())]] as const) {
  test(`${name} at each part of a build: its owner learns which part, admins the cause`, async (t) => {
    const bench = await startBench(t)
    for (const [method, part] of [['prepareImage', 'its image was fetched'], ['spawn', 'its guest was started'], ['resources', 'the chosen host took it']] as const) {
      bench.playground.before = (called: Method) => {
        if (called === method) throw error()
      }
      const id = await boot(bench, { name: `at ${method}` })
      const { fault } = await untilStatus(bench.demo, id, 'ERROR')
      assert.equal(fault.message, `The build of the server failed while ${part}: ${name === 'an unforeseen error' ? 'An unexpected error occurred.' : 'It was refused.'}`)
      assert.doesNotMatch(await ownersView(bench, id), inside, method)
      assert.match((await show(bench.admin, id)).fault.details, /TypeError: \/var\/lib\/secret/)
      const event = await adminsEvent(bench, id, 'create')
      assert.match(event.traceback, /secret/)
      assert.match(event.details, /^The build of the server failed[^]*secret/)
      bench.playground.before = () => undefined
      must(await bench.demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
      await until('it is gone', async () => (await show(bench.demo, id)) === undefined)
    }
  })
}

test('what fails at a server that runs shows nothing of the inside either', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  for (const [method, action, body] of [['powerOff', 'stop', { 'os-stop': null }], ['reboot', 'reboot', { reboot: { type: 'HARD' } }]] as const) {
    playground.before = (called: Method) => {
      if (called === method) throw poison()
    }
    must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, body), 202)
    const event = await until(`${action} has failed`, async () => {
      const found = await adminsEvent(bench, id, action)
      return found?.result === 'Error' && found
    })
    assert.match(event.traceback, /secret/, action)
    assert.doesNotMatch(await ownersView(bench, id), inside, action)
  }
})

test('a host that went down is not named to the owner of the server that it should have taken', async (t) => {
  const jump = { ms: 0 }
  const clock = { ...systemClock, now: () => new Date(systemClock.now().getTime() + jump.ms), monotonic: () => systemClock.monotonic() + jump.ms }
  const bench = await startBench(t, { capabilities: { clock } })
  const { demo, admin } = bench
  await plantHost(await garden(t, bench.cloud), admin, 'secret-2', 100_000)
  const { services } = must(await admin.call('nova', 'GET', '/v2.1/os-services?binary=nova-compute&host=host-1', undefined, at('2.53')), 200)
  must(await admin.call('nova', 'PUT', `/v2.1/os-services/${services[0].id}`, { status: 'disabled' }, at('2.53')), 200)
  const id = await boot(bench)
  await until('it was sent to the host', async () => (await show(admin, id))?.['OS-EXT-SRV-ATTR:host'] === 'secret-2')
  const asked = await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-getConsoleOutput': {} })
  assert.doesNotMatch(JSON.stringify(asked.body), inside)
  jump.ms = 120_000
  const { fault } = await untilStatus(demo, id, 'ERROR')
  assert.equal(fault.message, 'The build of the server failed while the chosen host took it: The compute service of its host is down. No other host could take it; tried: 1.')
  assert.doesNotMatch(await ownersView(bench, id), inside)
  assert.match((await show(admin, id)).fault.details, /tried secret-2: .*the compute service on host secret-2 is down[^]*ComputeFilter removed: host-1/)
})
