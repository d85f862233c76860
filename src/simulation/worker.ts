// Plays histories on a thread of its own, as it is told.
import { rmSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { roleNames } from './cloud.ts'
import { type Outcome, play } from './history.ts'
import { type Blow, noWorries, type Plan, planOf } from './plan.ts'
import { makeTemplate, scratch } from './template.ts'

/** Who is struck at a point: the role that passes it dies, all die, or the role is held up while another takes its place. */
export const victims = ['one', 'all', 'held'] as const
export type Victim = (typeof victims)[number]

/** Which history: by its seed, or a story and the point at which somebody dies. */
export type Task =
  | { readonly kind: 'seed'; readonly seed: string }
  | { readonly kind: 'story'; readonly scenario: string; readonly point?: number; readonly victim?: Victim }

export interface Played extends Pick<Outcome, 'violations' | 'hash' | 'points'> {
  readonly task: Task
}

export function planFor(task: Task, roles: readonly string[]): Plan {
  if (task.kind === 'seed') return planOf(task.seed, roles)
  const { scenario, point, victim } = task
  return { seed: `story ${scenario}`, actors: [], blows: point === undefined ? [] : [blowAt(point, victim ?? 'all')], trouble: noWorries, audits: false, scenario }
}

function blowAt(points: number, victim: Victim): Blow {
  if (victim === 'held') return { kind: 'hold-one', atMs: 0, points, forMs: 45_000 }
  return { kind: victim === 'all' ? 'kill-all' : 'kill-one', atMs: 0, points, backAfterMs: 1500 }
}

if (parentPort) {
  const port = parentPort
  const directory = scratch()
  const template = await makeTemplate(directory)
  const roles = await roleNames()
  port.on('message', (task: Task | 'end') => {
    if (task === 'end') {
      rmSync(directory, { recursive: true, force: true })
      return port.close()
    }
    play(planFor(task, roles), { template, directory }).then(
      ({ violations, hash, points }) => port.postMessage({ task, violations, hash, points } satisfies Played),
      (error: unknown) => port.postMessage({ task, violations: [`the simulation itself failed: ${(error as Error).stack ?? String(error)}`], hash: '', points: 0 } satisfies Played),
    )
  })
  port.postMessage('ready')
}
