// Somebody watches a real cloud while its control plane dies by SIGKILL in the middle of a boot and is started again: the same
// program goes on, and has told every event of every log once, in order.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventView } from '#core/events'
import { untilWhole } from './as-demo.ts'
import { canRunReal, eventually, prepareRealCloud } from './real-cloud.ts'

const program = join(import.meta.dirname, '..', '..', 'nimbo')

test('who watches a boot loses no event and sees none twice when the control plane is killed meanwhile', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const cloud = await prepareRealCloud(12)
  t.after(() => cloud.remove())
  await cloud.nimbo('up')
  const watching = spawn(program, ['--data', cloud.directory, 'watch', '--all', '--json', '--since', 'oldest'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => watching.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => watching.once('close', resolve))
  const events: EventView[] = []
  createInterface({ input: watching.stdout }).on('line', (line) => events.push(JSON.parse(line) as EventView))

  const server = await cloud.openstack('server', 'create', '--image', 'nimbo-test', '--flavor', 'm1.nano', '--network', 'private', 'watched')
  const about = (type: string, kind?: string) => events.find((event) => event.type === type && event.resource.id === server.id && (kind === undefined || event.after?.['kind'] === kind))
  await eventually('the build has begun', 60, async () => events.some((event) => event.after?.['step'] === 'create-ports'))
  const { pid } = JSON.parse(readFileSync(join(cloud.directory, 'data', 'run', 'state.json'), 'utf8')) as { pid: number }
  process.kill(pid, 'SIGKILL')
  await sleep(500)
  await cloud.nimbo('up')
  await eventually('the build ended', 180, async () => about('operation.ended', 'server.build') !== undefined)
  await cloud.nimbo('watch', '--wait', String(about('operation.ended', 'server.build')?.operation_id))
  assert.equal((await cloud.openstack('server', 'show', server.id)).status, 'ACTIVE')
  await untilWhole(cloud)
  await cloud.openstack('server', 'delete', '--wait', server.id)
  await eventually('the deletion was told', 60, async () => about('server.deleted') !== undefined && about('operation.ended', 'server.delete') !== undefined)
  await untilWhole(cloud)
  watching.kill('SIGINT')
  assert.equal(await ended, 0)

  const logs = Map.groupBy(events, (event) => event.id.split('-')[0])
  for (const [log, told] of logs) assert.deepEqual(told.map((event) => event.id), told.map((_event, at) => `${log}-${at + 1}`), `the log ${log}`)
  assert.ok(['nova_api', 'nova_cell1', 'neutron', 'glance'].every((log) => logs.has(log)), [...logs.keys()].join(' '))
  const states = events.filter((event) => event.resource.id === server.id && event.type.startsWith('server.')).map((event) => event.after?.['status'])
  assert.deepEqual(states.filter((state, at) => state !== states[at - 1]), ['BUILD', 'ACTIVE', 'DELETED'])
})
