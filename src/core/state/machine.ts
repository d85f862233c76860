// A state machine is data: which event leads from which states to which one. Code asks it; diagrams are drawn from it.

export interface Transition<State extends string> {
  /** `any` stands for every state of the machine. */
  readonly from: readonly State[] | 'any'
  readonly to: State
}

export interface MachineDefinition<State extends string, Event extends string> {
  readonly states: readonly State[]
  readonly initial: NoInfer<State>
  /** In any other state a living operation must own the object. */
  readonly stable: readonly NoInfer<State>[]
  readonly events: Readonly<Record<Event, Transition<NoInfer<State>>>>
}

export interface Machine<State extends string, Event extends string> {
  readonly states: readonly State[]
  readonly initial: State
  readonly stable: readonly State[]
  readonly events: readonly Event[]
  /** The states in which the event may happen. */
  from(event: Event): readonly State[]
  /** The state that the event leads to. */
  to(event: Event): State
  allows(state: State, event: Event): boolean
  isStable(state: State): boolean
  /** Whether a text, read from a row for instance, is one of the states. */
  isState(text: string): text is State
}

/** The states of a machine: `StateOf<typeof volumeMachine>`. */
export type StateOf<M> = M extends Machine<infer State, string> ? State : never
export type EventOf<M> = M extends Machine<string, infer Event> ? Event : never

/** @throws Error when a state is named twice or cannot be reached, or an event starts nowhere: mistakes of the author */
export function defineMachine<const State extends string, const Event extends string>(
  definition: MachineDefinition<State, Event>,
): Machine<State, Event> {
  const { states, initial, stable } = definition
  const events = Object.keys(definition.events) as Event[]
  const known = new Set<string>(states)
  if (known.size !== states.length) throw new Error(`A state is named twice in: ${states.join(', ')}`)
  const sources = new Map<Event, readonly State[]>()
  for (const event of events) {
    const { from } = definition.events[event]
    if (from.length === 0) throw new Error(`The event ${event} can happen in no state`)
    sources.set(event, from === 'any' ? states : from)
  }
  const machine: Machine<State, Event> = {
    states,
    initial,
    stable,
    events,
    from: (event) => sources.get(event) ?? [],
    to: (event) => definition.events[event].to,
    allows: (state, event) => machine.from(event).includes(state),
    isStable: (state) => stable.includes(state),
    isState: (text): text is State => known.has(text),
  }
  const lost = unreachable(machine)
  if (lost.length > 0) throw new Error(`No event leads to: ${lost.join(', ')}`)
  return machine
}

function unreachable<State extends string, Event extends string>(machine: Machine<State, Event>): readonly State[] {
  const reached = new Set<State>([machine.initial])
  for (const state of reached) { // a Set is walked in order of insertion, what is added meanwhile included
    for (const event of machine.events) if (machine.allows(state, event)) reached.add(machine.to(event))
  }
  return machine.states.filter((state) => !reached.has(state))
}
