// `nimbo simulate`: histories of a whole cloud under virtual time, each from a seed, in which everything goes wrong that can.
import { readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { createProcessRunner } from '#core/process'
import { roleNames } from '../../simulation/cloud.ts'
import { allDeaths, pointsOf } from '../../simulation/exhaustive.ts'
import { play } from '../../simulation/history.ts'
import type { Plan } from '../../simulation/plan.ts'
import { playAll } from '../../simulation/pool.ts'
import { scenarios } from '../../simulation/scenarios.ts'
import { shrink } from '../../simulation/shrink.ts'
import { makeTemplate, scratch } from '../../simulation/template.ts'
import { type Played, planFor, type Task, victims } from '../../simulation/worker.ts'
import { CommandError, jsonText, print, ProgressLine } from '../terminal.ts'

export interface SimulateOptions {
  readonly seed?: string
  readonly seeds?: string
  readonly from?: string
  readonly exhaustive?: boolean
  readonly story?: string
  readonly point?: string
  readonly victim?: string
  readonly threads?: string
  readonly keepGoing?: boolean
  readonly json?: boolean
}

/** How histories are played, and told. */
export interface Means {
  readonly playAll: typeof playAll
  readonly play: typeof play
  /** How many shorter plans are tried for one that went wrong. */
  readonly triesToShrink: number
  readonly print: (text: string) => void
  readonly progress: Pick<ProgressLine, 'show' | 'clear'>
  readonly progressEveryMs: number
}

export async function simulate(options: SimulateOptions): Promise<void> {
  if (!(await simulateWith({ playAll, play, triesToShrink: 200, print, progress: new ProgressLine(), progressEveryMs: process.stderr.isTTY ? 200 : 20_000 }, options))) process.exitCode = 1
}

/** @returns whether all went well */
export async function simulateWith(means: Means, options: SimulateOptions): Promise<boolean> {
  const threads = numberOf('--threads', options.threads, availableParallelism())
  if (options.story === undefined && options.point !== undefined) throw new CommandError('--point belongs to a --story.')
  if (options.story !== undefined) {
    if (!Object.hasOwn(scenarios, options.story)) throw new CommandError(`There is no story '${options.story}'; choose from\n${Object.keys(scenarios).map((name) => `  '${name}'`).join('\n')}`)
    const point = options.point === undefined ? undefined : numberOf('--point', options.point, 1)
    const victim = victims.find((each) => each === (options.victim ?? 'all'))
    if (!victim) throw new CommandError(`--victim takes ${victims.join(', ')}.`)
    return replay(means, { kind: 'story', scenario: options.story, ...(point !== undefined && { point, victim }) }, options)
  }
  if (options.exhaustive === true) {
    means.progress.show('Counting the points of each story')
    const points = await pointsOf(threads)
    means.progress.clear()
    const total = [...points.values()].reduce((sum, count) => sum + count, 0) * victims.length
    return many(means, allDeaths(points), total, threads, options)
  }
  if (options.seed !== undefined) return replay(means, { kind: 'seed', seed: options.seed }, options)
  const count = numberOf('--seeds', options.seeds, 100)
  // New ones each time, so that each run adds to what was tried.
  const from = numberOf('--from', options.from, Math.floor(Date.now() / 1000) * 1000)
  return many(means, seeds(from, count), count, threads, options)
}

/**
 * What every run of all tests plays: all that ever went wrong, a part of all deaths, and seeds that nobody has played before: each
 * commit has its own of both, so that a run of the same commit ends the same way.
 */
export async function playSample(): Promise<{ passed: number; failed: number; skipped: number }> {
  const threads = availableParallelism()
  const known = JSON.parse(readFileSync(new URL('../../../conformance/simulation/known.json', import.meta.url), 'utf8')) as readonly Task[]
  const points = await pointsOf(threads)
  const commit = await numberOfCommit()
  const from = commit * 1000
  const firstDeath = 1 + (commit % oneDeathIn)
  print(`${known.length} known ones, the seeds from ${from} to ${from + sampledSeeds - 1}, and of each story every ${oneDeathIn}th death from point ${firstDeath} on`)
  const tasks = [...known, ...seeds(from, sampledSeeds), ...allDeaths(points, oneDeathIn, firstDeath)]
  const counts = { passed: 0, failed: 0, skipped: 0 }
  await playAll({
    threads, tasks,
    played({ task, violations }) {
      if (violations.length === 0) counts.passed++
      else {
        counts.failed++
        print(`./nimbo simulate ${nameOf(task)}\n  ${violations.slice(0, 5).join('\n  ')}`)
      }
      return counts.failed >= failuresShown
    },
  })
  return counts
}

/** From which the seeds and the deaths of this commit follow; that of the day outside of a checkout. */
async function numberOfCommit(): Promise<number> {
  const checkout = fileURLToPath(new URL('../../../', import.meta.url))
  try {
    const { stdout } = await createProcessRunner().run('/usr/bin/git', ['-c', `safe.directory=${checkout.replace(/\/$/, '')}`, '-C', checkout, 'rev-parse', 'HEAD'], { timeoutSeconds: 10 })
    return Number.parseInt(stdout.slice(0, 8), 16)
  } catch {
    return Math.floor(Date.now() / 86_400_000)
  }
}

const sampledSeeds = 300
const oneDeathIn = 20
const failuresShown = 10

function* seeds(from: number, count: number): Generator<Task> {
  for (let seed = from; seed < from + count; seed++) yield { kind: 'seed', seed: String(seed) }
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new CommandError(`${name} takes a whole number, not ${text}.`)
  return value
}

const nameOf = (task: Task): string => task.kind === 'seed' ? `--seed ${task.seed}` : `--story '${task.scenario}'${task.point === undefined ? '' : ` --point ${task.point} --victim ${task.victim}`}`

async function many(means: Means, tasks: Iterable<Task>, total: number, threads: number, options: SimulateOptions): Promise<boolean> {
  const { progress, print } = means
  const failed: Played[] = []
  const started = performance.now()
  let done = 0
  let shown = 0
  await means.playAll({
    threads, tasks,
    played(played) {
      done++
      if (played.violations.length > 0) {
        failed.push(played)
        progress.clear()
        if (options.keepGoing === true) print(`${nameOf(played.task)}\n  ${played.violations.slice(0, 3).join('\n  ')}`)
      }
      const now = performance.now()
      if (now - shown > means.progressEveryMs) {
        shown = now
        progress.show(`${done} of ${total} histories, ${failed.length} went wrong, ${Math.round((now - started) / 1000)} s`)
      }
      return played.violations.length > 0 && options.keepGoing !== true
    },
  })
  progress.clear()
  const seconds = Math.round((performance.now() - started) / 100) / 10
  const [first] = failed
  if (options.json === true) print(jsonText({ histories: done, failed: failed.map(({ task, violations }) => ({ task, violations })), seconds }, 2))
  else if (first && options.keepGoing !== true) await replay(means, first.task, options)
  else print(`${done} histories in ${seconds} s, ${failed.length} went wrong.`)
  return failed.length === 0
}

/** One history, told in full; when it goes wrong, the shortest one that goes wrong the same way. */
async function replay({ play, progress, print, triesToShrink }: Means, task: Task, options: SimulateOptions): Promise<boolean> {
  const directory = scratch()
  try {
    const template = await makeTemplate(directory)
    const outcome = await play(planFor(task, await roleNames()), { template, directory, listen: true })
    if (outcome.violations.length === 0) {
      if (options.json === true) print(jsonText({ task, hash: outcome.hash, violations: [] }, 2))
      else print(`${outcome.history.join('\n')}\n\nAll is well. The hash of the history: ${outcome.hash}`)
      return true
    }
    const shortest = await shrink(planFor(task, await roleNames()), outcome.violations, {
      tries: triesToShrink, play: async (plan) => (await play(plan, { template, directory })).violations,
      progress: (plan, tried) => progress.show(`Looking for a shorter history: ${sizeOf(plan)} after ${tried} tries`),
    })
    progress.clear()
    const told = await play(shortest, { template, directory, listen: true })
    if (options.json === true) print(jsonText({ task, hash: outcome.hash, violations: outcome.violations, plan: shortest, history: told.history, journal: told.journal }, 2))
    else print([
      ...told.history, '', '── What the roles logged', ...told.log, '', '── The journal of the operations', ...told.journal, '',
      `── The shortest plan that was found (${sizeOf(shortest)})`, JSON.stringify(shortest, null, 1), '',
      '── What is wrong', ...outcome.violations.map((violation) => `  ${violation}`), '', `Play it again: ./nimbo simulate ${nameOf(task)}`, `The hash of its history: ${outcome.hash}`,
    ].join('\n'))
    return false
  } finally {
    progress.clear()
    rmSync(directory, { recursive: true, force: true })
  }
}

function sizeOf(plan: Plan): string {
  return `${plan.actors.reduce((sum, actor) => sum + actor.intents.length, 0)} wishes, ${plan.blows.length} blows`
}
