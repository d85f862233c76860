// An event as a line for people: when, what, and what changed about it.
import type { EventView } from '#core/events'
import { plain } from './terminal.ts'

export interface EventLine {
  readonly time: string
  readonly subject: string
  readonly text: string
  readonly tone: 'plain' | 'quiet' | 'good' | 'bad'
}

const good = new Set(['ACTIVE', 'available', 'in-use', 'active', 'done', 'attached'])
const bad = new Set(['ERROR', 'error', 'failed', 'killed'])

/** @returns undefined for what a person need not read: that a step ended well, when the next one's start follows */
export function lineOf(event: EventView, nameOf: (id: string) => string | undefined): EventLine | undefined {
  const { resource, type } = event
  const text = type.startsWith('operation.') ? ofOperation(event) : ofState(event, nameOf)
  if (text === undefined) return undefined
  const status = event.after?.['status'] ?? event.after?.['attach_status']
  const tone = bad.has(String(status)) ? 'bad' : good.has(String(status)) && type !== 'operation.step' ? 'good' : type.startsWith('operation.') ? 'quiet' : 'plain'
  return { time: event.time.slice(11, 23), subject: plain(`${resource.type} ${resource.name ?? named(resource.id, nameOf)}`), text: plain(text), tone }
}

/** The first part of an id tells it apart from the others on a screen; the whole stands in the JSON. */
function named(id: string, nameOf: (id: string) => string | undefined): string {
  return nameOf(id) ?? (id.length > 30 ? id.slice(0, 8) : id)
}

function ofState({ type, before, after, related }: EventView, nameOf: (id: string) => string | undefined): string {
  if (type.endsWith('.created')) {
    const of = Object.entries(related).flatMap(([name, id]) => (id === null || id === '' ? [] : [`${name.replace('_id', '')} ${named(id, nameOf)}`])).join(', ')
    return `created: ${show(after?.['status'] ?? after?.['attach_status'])}${of === '' ? '' : ` (${of})`}`
  }
  if (type.endsWith('.deleted')) return 'deleted'
  const changed = Object.keys(after ?? {}).filter((name) => before?.[name] !== after?.[name])
  const [first, ...rest] = changed.map((name) => ({ name, change: `${show(before?.[name])} → ${show(after?.[name])}` }))
  if (!first) return 'changed'
  const told = first.name === 'status' ? first.change : `${first.name} ${first.change}`
  return [told, ...rest.map(({ name, change }) => `${name} ${change}`)].join(', ')
}

function show(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function ofOperation({ type, after }: EventView): string | undefined {
  const { kind, step, phase, attempt, status, fault } = (after ?? {}) as { kind?: string; step?: string; phase?: string; attempt?: number; status?: string; fault?: { step: string; message: string } | null }
  if (type === 'operation.step') {
    if (status === 'done') return undefined
    const doing = `${phase === 'undo' ? 'undo ' : ''}${step}${(attempt ?? 1) > 1 ? ` (try ${attempt})` : ''}`
    return `${kind}: ${status === 'failed' ? `${doing} failed` : doing}`
  }
  if (type === 'operation.begun') return `${kind} begins`
  const why = fault ? `: ${fault.message}${fault.step === '' ? '' : ` (in ${fault.step})`}` : ''
  if (type === 'operation.undoing') return `${kind} is undone${why}`
  if (type === 'operation.again') return `${kind} starts again${why}`
  return `${kind} ${status ?? 'ended'}${why}`
}
