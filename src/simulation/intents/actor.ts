// One who acts in a simulation: what they can do, choose from, and remember.
import type { ServiceName } from '#core/service'
import type { Entry, Ledger } from '../ledger.ts'
import type { Noun } from '../nouns.ts'
import type { Person, Reply } from '../person.ts'
import type { Dice } from '../random.ts'
import type { Project, Template } from '../template.ts'

export interface Actor {
  readonly person: Person
  readonly project: Project
  /** An administrator, logged in when first asked for. @throws when keystone does not answer */
  admin(): Promise<Person>
  readonly dice: Dice
  readonly ledger: Ledger
  readonly template: Template
  /** Something that must never be was seen. */
  violated(what: string): void
}

export type Intent = (actor: Actor) => Promise<void>

/** Something of this noun that the project has, or nothing. */
export function some({ ledger, project, dice }: Actor, noun: Noun): Entry | undefined {
  const known = ledger.known(noun, project)
  return known.length === 0 ? undefined : dice.one(known)
}

/** Make something and remember it. @returns its id when it was acknowledged */
export async function create(actor: Actor, noun: Noun, service: ServiceName, path: string, body: Readonly<Record<string, object>>, ...parents: readonly string[]): Promise<string | undefined> {
  const [key = ''] = Object.keys(body)
  const reply = await actor.person.call(service, 'POST', path, body)
  return remember(actor, noun, reply, service === 'glance' ? reply.body : reply.body?.[key], ...parents)
}

export function remember(actor: Actor, noun: Noun, reply: Reply, made: { id?: unknown } | undefined, ...parents: readonly string[]): string | undefined {
  heed(actor, reply)
  if (reply.status < 200 || reply.status >= 300 || typeof made?.id !== 'string') return undefined
  actor.ledger.add(noun, made.id, actor.project, ...parents)
  return made.id
}

/** Ask for something to go. */
export async function remove(actor: Actor, entry: Entry, service: ServiceName, path: string): Promise<void> {
  actor.ledger.asks(entry.id)
  const reply = await actor.person.call(service, 'DELETE', path)
  heed(actor, reply)
  if (reply.status === 404 && !actor.ledger.othersAsked(entry)) actor.violated(`${entry.noun} ${entry.id} was acknowledged, nobody removed it, and DELETE answers 404`)
  actor.ledger.removed(entry.id, reply.status, reply.repeated)
}

/** Give properties of it a value. */
export async function change(actor: Actor, { noun, id }: Entry, values: Readonly<Record<string, string>>, service: ServiceName, path: string, body: unknown): Promise<void> {
  const asked = Object.entries(values).map(([of, value]) => actor.ledger.changes.ask({ noun, id, of }, value))
  const reply = await actor.person.call(service, 'PUT', path, body)
  heed(actor, reply)
  for (const answered of asked) answered(reply)
}

/** Ask for something else to be done with it. */
export async function act(actor: Actor, entry: Entry, service: ServiceName, method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply> {
  const reply = await actor.person.call(service, method, path, body, headers)
  heed(actor, reply)
  return reply
}

/** What was accepted is remembered; an internal error shows nothing of the inside, whatever went wrong behind it. */
export function heed(actor: Actor, reply: Reply): void {
  for (const id of reply.headers['nimbo-operation-id']?.split(',') ?? []) actor.ledger.accepted.add(id)
  if (reply.status !== 500) return
  const text = JSON.stringify(reply.body)
  if (/sqlite|SELECT|node:|\.ts:|at Object|undefined/i.test(text)) actor.violated(`an internal error shows its inside: ${text}`)
}
