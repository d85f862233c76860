// Every story, killed at every point: who passes it, and the whole process.
import { playAll } from './pool.ts'
import { scenarios } from './scenarios.ts'
import { type Task, victims } from './worker.ts'

/** How many points each story has when nobody dies. @throws Error when a story fails by itself */
export async function pointsOf(threads: number, only: (name: string) => boolean = () => true): Promise<ReadonlyMap<string, number>> {
  const points = new Map<string, number>()
  const failed: string[] = []
  await playAll({
    threads, tasks: Object.keys(scenarios).filter(only).map((scenario): Task => ({ kind: 'story', scenario })),
    played: ({ task, violations, points: count }) => {
      if (task.kind === 'story') points.set(task.scenario, count)
      failed.push(...violations)
      return violations.length > 0
    },
  })
  if (failed.length > 0) throw new Error(`a story fails although nobody dies: ${failed.join('; ')}`)
  return points
}

export function* allDeaths(points: ReadonlyMap<string, number>, every = 1, first = 1): Generator<Task> {
  for (const [scenario, count] of points) {
    for (let point = first; point <= count; point += every) {
      for (const victim of victims) yield { kind: 'story', scenario, point, victim }
    }
  }
}
