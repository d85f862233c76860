// What outlives every role: the databases, and the worlds of the fake engines.
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Change, type Database, type Migration, openDatabase, type SqliteDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import type { Stage } from '#core/service'
import type { Incarnation } from './incarnation.ts'
import type { World } from './world.ts'

/** Without a life of its own: for what belongs to nobody who could die. */
const plainClock = (world: World) => ({
  now: () => new Date(world.now),
  monotonic: () => world.now,
  after: (milliseconds: number, run: () => void) => {
    const happening = world.schedule(milliseconds, 'timer', run)
    return { cancel: () => void (happening.cancelled = true) }
  },
  sleep: (milliseconds: number) => new Promise<void>((resolve) => void world.schedule(milliseconds, 'sleep', resolve)),
  turn: () => new Promise<void>((resolve) => void world.schedule(0, 'turn', resolve)),
})

export class Storage {
  readonly directory: string
  readonly #world: World
  readonly #databases = new Map<string, Promise<SqliteDatabase<any>>>()
  readonly kept = new Map<string, unknown>()

  constructor(world: World, directory: string) {
    this.#world = world
    this.directory = directory
    mkdirSync(directory, { recursive: true })
  }

  /** The databases and images of another storage that was closed. */
  copyFrom(other: Storage): void {
    cpSync(other.directory, this.directory, { recursive: true })
    for (const [name, world] of other.kept) if (name === 'glance') this.kept.set(name, copyOfWorld(world))
  }

  open<T>(name: string, migrations: readonly Migration[], changes: readonly Change[] = []): Promise<SqliteDatabase<T>> {
    let opened = this.#databases.get(name)
    if (!opened) {
      opened = openDatabase<T>({
        name, migrations, changes, file: join(this.directory, 'db', `${name}.db`), synchronous: 'OFF', clock: plainClock(this.#world), log: silentLog,
      }) as Promise<SqliteDatabase<T>>
      this.#databases.set(name, opened)
    }
    return opened as Promise<SqliteDatabase<T>>
  }

  /** A database as one incarnation has it: what it had open is rolled back when it is killed. */
  async openFor<T>(incarnation: Incarnation, name: string, migrations: readonly Migration[], changes?: readonly Change[]): Promise<Database<T>> {
    const shared = await this.open<T>(name, migrations, changes)
    const view = shared.behind({ pass: (point) => incarnation.pass(point), closed: incarnation.closed }, incarnation.clock, silentLog)
    return {
      name, read: view.read,
      transaction: (work, options) => incarnation.guard(view.transaction(work, options)),
      hear: (listener) => {
        const { stop } = view.hear(() => incarnation.receive(listener))
        incarnation.atEnd(stop)
        return { stop }
      },
      close: async () => {},
    }
  }

  /** Of all that were opened, for looking at them from outside. */
  async database(name: string): Promise<SqliteDatabase<any> | undefined> {
    return this.#databases.get(name)
  }

  get names(): readonly string[] {
    return [...this.#databases.keys()].sort()
  }

  stageFor(incarnation: Incarnation): Stage {
    return {
      kept: <T>(name: string, make: () => T): T => {
        if (!this.kept.has(name)) this.kept.set(name, make())
        return this.kept.get(name) as T
      },
      before: (effect) => incarnation.pass(`before ${effect}`),
      again: (effect) => incarnation.again(effect),
      after: (effect) => incarnation.pass(`after ${effect}`),
      outside: (work) => incarnation.guard(this.#world.outside(work)),
    }
  }

  async close(): Promise<void> {
    for (const opened of this.#databases.values()) await (await opened).close()
    this.#databases.clear()
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Of a world whose parts are maps of plain things. */
export function copyOfWorld(world: unknown): unknown {
  const copy: unknown = Object.create(Object.getPrototypeOf(world) as object)
  for (const [key, value] of Object.entries(world as object)) Reflect.set(copy as object, key, value instanceof Map ? new Map(value) : value)
  return copy
}
