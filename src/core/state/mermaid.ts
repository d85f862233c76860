// A machine as a Mermaid state diagram, for a service's README.
import type { Machine } from './machine.ts'

/** Stable states are drawn bold. The text is the same for the same machine. */
export function mermaid<State extends string, Event extends string>(machine: Machine<State, Event>): string {
  const ids = new Map(machine.states.map((state, index) => [state, /^\w+$/.test(state) ? state : `s${index}`]))
  const id = (state: State) => ids.get(state) ?? state
  const lines = ['stateDiagram-v2']
  for (const state of machine.states) if (id(state) !== state) lines.push(`  state "${state}" as ${id(state)}`)
  lines.push(`  [*] --> ${id(machine.initial)}`)
  for (const event of machine.events) {
    for (const from of machine.from(event)) lines.push(`  ${id(from)} --> ${id(machine.to(event))}: ${event}`)
  }
  lines.push('  classDef stable font-weight:bold')
  if (machine.stable.length > 0) lines.push(`  class ${machine.stable.map(id).join(',')} stable`)
  return `${lines.join('\n')}\n`
}
