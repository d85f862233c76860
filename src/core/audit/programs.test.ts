// Strays of a host, as an auditor tells of them and ends them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock, systemIds, systemRandom } from '#core/context'
import type { Privileged, StrayProgram } from '#core/process'
import { createLocalBus } from '#core/rpc'
import { ownContext } from '#core/service'
import { silentLog } from '../observe/log.ts'
import { programsCheck, servePrograms } from './programs.ts'

function lab(answersTo: readonly string[]) {
  const capabilities = { clock: { ...systemClock, sleep: async () => {} }, random: systemRandom, ids: systemIds, log: silentLog }
  const bus = createLocalBus(capabilities)
  const strays: StrayProgram[] = [{ pid: 7, startTime: '70', command: 'qemu -name a' }]
  const signals: string[] = []
  const privileged = {
    strayPrograms: async () => [...strays],
    async signalStray(_kind, { pid, startTime }, signal) {
      const at = strays.findIndex((each) => each.pid === pid && each.startTime === startTime)
      if (at < 0) return false
      signals.push(`${signal} ${pid}`)
      if (answersTo.includes(signal)) strays.splice(at, 1)
      return true
    },
  } as Pick<Privileged, 'strayPrograms' | 'signalStray'> as Privileged
  servePrograms({ bus, clock: capabilities.clock, host: 'host-1', privileged }, 'qemu')
  const check = programsCheck({ runtime: { ...capabilities, bus }, kind: 'qemu', hosts: async () => ['host-1', 'away'] })
  return { check, strays, signals, ctx: ownContext(capabilities, 'test') }
}

test('a stray is told with its host, and a host that does not answer is not judged', async () => {
  const { check, ctx } = lab([])
  const { differences, unseen } = await check.look(ctx)
  assert.deepEqual(differences.map(({ kind, resource, host }) => [kind, resource, host]), [['program.stray', 'qemu-7-70', 'host-1']])
  assert.match(differences[0]?.message ?? '', /process 7: qemu -name a/)
  assert.deepEqual(unseen, ['away'])
})

for (const [answersTo, expected] of [[['SIGTERM'], ['SIGTERM 7']], [['SIGKILL'], ['SIGTERM 7', 'SIGKILL 7']]] as const) {
  test(`a stray that ends at ${answersTo[0]} is ended`, async () => {
    const { check, ctx, strays, signals } = lab(answersTo)
    const { differences: [difference] } = await check.look(ctx)
    assert.ok(difference)
    assert.equal(await check.kinds['program.stray']?.repair?.(ctx, difference), 'The process 7 was ended.')
    assert.deepEqual([signals, strays], [expected, []])
    await check.kinds['program.stray']?.repair?.(ctx, difference)
    assert.deepEqual(signals, expected, 'it is gone')
  })
}

test('a stray that does not end at all is told as that', async () => {
  const { check, ctx } = lab([])
  const { differences: [difference] } = await check.look(ctx)
  assert.ok(difference)
  await assert.rejects(async () => check.kinds['program.stray']?.repair?.(ctx, difference), /does not end/)
})
