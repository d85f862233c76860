// `nimbo simulate` on a cloud that loses its volumes at the end of histories: what is told of that.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, test } from 'node:test'
import { roleNames } from '../../simulation/cloud.ts'
import { play } from '../../simulation/history.ts'
import { makeTemplate, scratch } from '../../simulation/template.ts'
import { planFor } from '../../simulation/worker.ts'
import { type Means, simulateWith, type SimulateOptions } from './simulate.ts'

const directory = scratch()
after(() => rmSync(directory, { recursive: true, force: true }))
const template = await makeTemplate(directory)
const roles = await roleNames()

/** Of the seeds from 1 on, the first whose volumes are lost. */
const firstToLose = 3

const losing: Means['play'] = (plan, options) => play(plan, {
  ...options,
  async atRest(storage) {
    if (Number(plan.seed) < firstToLose) return
    const cinder = await storage.database('cinder')
    await cinder?.transaction((tx) => tx.deleteFrom('volumes').where('display_name', 'like', 'volume-%').execute())
  },
})

async function simulated(options: SimulateOptions, playing = losing): Promise<{ well: boolean; said: string; shown: readonly string[] }> {
  const said: string[] = []
  const shown: string[] = []
  const well = await simulateWith({
    play: playing, triesToShrink: 6, print: (text) => void said.push(text), progress: { show: (line) => void shown.push(line), clear() {} }, progressEveryMs: -1,
    async playAll({ tasks, played }) {
      for (const task of tasks) if (played({ task, ...(await playing(planFor(task, roles), { template, directory })) })) return
    },
  }, { threads: '1', ...options })
  return { well, said: said.join('\n'), shown }
}

test('it stops at the first history that goes wrong: its seed, what is wrong, a shorter plan, and the journal', async () => {
  const { well, said, shown } = await simulated({ seeds: '6', from: '1' })
  assert.equal(well, false)
  assert.deepEqual(shown.filter((line) => line.includes(' of 6 histories')).map((line) => line.replace(/\d+ s$/, '')), [
    '1 of 6 histories, 0 went wrong, ', '2 of 6 histories, 0 went wrong, ', '3 of 6 histories, 1 went wrong, ',
  ])
  assert.match(said, /\nPlay it again: \.\/nimbo simulate --seed 3\n/)
  assert.match(said, /── What is wrong\n(.*\n)* {2}volume [0-9a-f-]+ was acknowledged, nobody removed it, and it is gone/)
  assert.match(said, /── The journal of the operations\ncinder volume\.create [0-9a-f-]+ of /)
  assert.match(said, /── The shortest plan that was found \(\d+ wishes, \d+ blows\)\n\{/)
  assert.ok(shown.some((line) => line.startsWith('Looking for a shorter history: ')))
  const again = await simulated({ seed: '3', json: true })
  const { hash, violations, plan } = JSON.parse(again.said)
  assert.ok(said.endsWith(`The hash of its history: ${hash}`))
  assert.ok(violations.length > 0)
  assert.ok(plan.actors.length > 0)
})

test('it goes on where it is told to, and counts what went wrong', async () => {
  const { well, said } = await simulated({ seeds: '4', from: '1', keepGoing: true })
  assert.equal(well, false)
  assert.match(said, /^--seed 3\n {2}.*volume/)
  assert.match(said, /\n4 histories in [\d.]+ s, [12] went wrong\.$/)
})

test('where all goes well it says so, and a single history is told with its hash', async () => {
  assert.deepEqual((await simulated({ seeds: '2', from: '1' }, play)).well, true)
  const { well, said } = await simulated({ seed: '1' }, play)
  assert.equal(well, true)
  assert.match(said, /All is well\. The hash of the history: [0-9a-f]{64}$/)
})
