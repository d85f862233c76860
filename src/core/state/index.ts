// State machines as data, and their diagrams. The conditional update that moves a row is `transition` of core/db.
export { defineMachine, type EventOf, type Machine, type MachineDefinition, type StateOf, type Transition } from './machine.ts'
export { mermaid } from './mermaid.ts'
