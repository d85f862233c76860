// `nimbo trace`: the boots that are known, and the steps of one, live while it goes on.
import { setTimeout as sleep } from 'node:timers/promises'
import { askControl, type TraceStep, type TraceView } from '../control.ts'
import { layout } from '../layout.ts'
import { CommandError, plain, print, printJson, table } from '../terminal.ts'

const notRunning = 'The cloud does not answer: start it with `nimbo up`.'

export async function listTraces(directory: string, limit: number, json: boolean): Promise<void> {
  const traces = await askControl<TraceView[]>(layout(directory).control, `/traces?limit=${limit}`)
  if (!traces) throw new CommandError(notRunning)
  if (json) return printJson(traces)
  print(table(['Server', 'Name', 'Started', 'Outcome'], traces.map((each) => [each.server, each.name, each.started_at, each.outcome ?? 'in progress'])))
}

export async function showTrace(directory: string, server: string, json: boolean): Promise<void> {
  const { control } = layout(directory)
  if (!(await askControl(control, '/status'))) throw new CommandError(notRunning)
  const first = await askControl<TraceView>(control, `/traces/${encodeURIComponent(server)}`)
  if (!first) throw new CommandError(`There is no trace of a server ${server}. \`nimbo trace list\` names those that are known, each as it was called when it was booted.`)
  if (json) return printJson(first)
  print(`Boot of ${plain(first.name)} (${first.server}), begun ${first.started_at}\n`)
  await followSteps(directory, server)
}

/** Print steps as they appear until the boot has its end. */
export async function followSteps(directory: string, server: string): Promise<TraceView | undefined> {
  const { control } = layout(directory)
  const shown = new Set<string>()
  for (let quiet = 0; quiet < 3000; quiet++) {
    const view = await askControl<TraceView>(control, `/traces/${encodeURIComponent(server)}`)
    for (const step of view?.steps ?? []) {
      const key = `${step.number}/${step.attempt}/${step.started_at}`
      if (shown.has(key)) continue
      shown.add(key)
      print(line(step))
      quiet = 0
    }
    if (view?.outcome !== undefined) {
      print(`\n${shown.size} rows; the boot ended ${view.outcome}.`)
      return view
    }
    await sleep(100)
  }
  return undefined
}

function line(step: TraceStep): string {
  const again = step.attempt > 1 ? ` (try ${step.attempt})` : ''
  const duration = step.duration_ms >= 1 ? `${step.duration_ms.toFixed(0)} ms` : ''
  const outcome = step.outcome === 'done' ? '' : step.outcome
  const detail = plain((step.detail ?? '').replaceAll('\n', '; '))
  return `${String(step.number).padStart(3)}  ${step.actor.padEnd(34)} ${step.name.padEnd(46)} ${duration.padStart(8)}  ${outcome}${again} ${detail}`.trimEnd()
}
