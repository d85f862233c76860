// What this host was told and did, line by line in one file: it tells after a restart which lease spoke last, and what was
// under way. Lines that come together are written together, with one sync for all of them.
import { isDiskFull } from '#core/errors'
import { StaleEpoch } from '../model/errors.ts'
import type { JournalFile } from './journal-file.ts'

export interface JournalEntry {
  readonly at: string
  readonly command: string
  readonly serverId: string
  readonly epoch: number
  readonly event: 'told' | 'done' | 'failed'
  readonly message?: string
}

type Line = (JournalEntry & { readonly operationId: string }) | { readonly operationId: string; readonly event: 'ended' }

interface Waiting {
  readonly text: string
  readonly settled: PromiseWithResolvers<void>
}

/** Commands whose effect outlives them: what was told is on the disk before it is done. */
const lasting = new Set(['spawn', 'destroy', 'powerOn', 'powerOff', 'reboot', 'attachVolume', 'detachVolume', 'extendVolume', 'attachInterface', 'detachInterface', 'plugBackVolume', 'plugBackInterface'])
const rememberedEnds = 5000
/** A file of this size is written anew without the operations that are over. */
const compactAtBytes = 1024 * 1024

export class HostJournal {
  readonly #file: JournalFile
  readonly #epochs = new Map<string, number>()
  /** Operations that are over, the latest: a late command of one is refused too. */
  readonly #over = new Set<string>()
  /** The lines of operations that are not over. */
  readonly #lines = new Map<string, string[]>()
  #open = false
  #bytes = 0
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined

  constructor(file: JournalFile) {
    this.#file = file
  }

  /** Read what earlier runs left. */
  async open(): Promise<void> {
    for (const line of (await this.#file.read()).split('\n')) {
      const entry = parse(line)
      if (!entry) continue
      this.#keep(entry, `${line}\n`)
      if (entry.event === 'ended') this.#epochs.delete(entry.operationId)
      else this.#epochs.set(entry.operationId, Math.max(entry.epoch, this.#epochs.get(entry.operationId) ?? 0))
    }
    // Where there is no room for a new file the old one goes on.
    await this.#compact().catch((error: unknown) => {
      if (!isDiskFull(error)) throw error
    })
    this.#open = true
  }

  async close(): Promise<void> {
    await this.#writing
    this.#open = false
    await this.#file.close()
  }

  /** The operations that this host has a record of. */
  get operations(): readonly string[] {
    return [...this.#epochs.keys()]
  }

  /** The servers whose guests it was told to start by operations that it does not know to be over. */
  get spawned(): ReadonlySet<string> {
    const told = [...this.#lines.values()].flat().map((line) => parse(line.trimEnd()))
    return new Set(told.flatMap((line) => (line && line.event !== 'ended' && line.command === 'spawn' ? [line.serverId] : [])))
  }

  /** @throws StaleEpoch when a later lease has spoken */
  admit(operationId: string, epoch: number): void {
    const seen = this.#over.has(operationId) ? Number.MAX_SAFE_INTEGER : (this.#epochs.get(operationId) ?? 0)
    if (epoch < seen) throw new StaleEpoch('This lease was followed by another one.', { operationId, epoch, seen })
    this.#epochs.set(operationId, epoch)
  }

  /** What was told is on the disk when this resolves; what came of it follows by itself. */
  async write(operationId: string, entry: JournalEntry): Promise<void> {
    if (!lasting.has(entry.command)) return
    const written = this.#append({ operationId, ...entry })
    if (entry.event === 'told') await written
  }

  forget(operationId: string): void {
    this.#epochs.delete(operationId)
    this.#over.add(operationId)
    const [oldest] = this.#over
    if (this.#over.size > rememberedEnds && oldest !== undefined) this.#over.delete(oldest)
    if (this.#lines.has(operationId)) void this.#append({ operationId, event: 'ended' })
  }

  #append(line: Line): Promise<void> {
    const text = `${JSON.stringify(line)}\n`
    this.#keep(line, text)
    const settled = Promise.withResolvers<void>()
    // Who does not wait does not hear of a failure; the next command that has to be written down does.
    settled.promise.catch(() => {})
    this.#waiting.push({ text, settled })
    this.#writing ??= this.#writeAll()
    return settled.promise
  }

  #keep(line: Line, text: string): void {
    if (line.event === 'ended') this.#lines.delete(line.operationId)
    else if (this.#lines.get(line.operationId)?.push(text) === undefined) this.#lines.set(line.operationId, [text])
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0)
      try {
        if (this.#bytes > compactAtBytes) await this.#compact()
        else await this.#write(together.map(({ text }) => text).join(''))
        for (const { settled } of together) settled.resolve()
      } catch (error) {
        for (const { settled } of together) settled.reject(error)
      }
    }
    this.#writing = undefined
  }

  async #write(text: string): Promise<void> {
    if (!this.#open) throw new Error('the journal of this host is closed')
    await this.#file.append(text)
    this.#bytes += text.length
  }

  /** Write the file anew with the lines that are kept, the newest among them. */
  async #compact(): Promise<void> {
    await this.#file.replace([...this.#lines.values()].flat().join(''))
    this.#bytes = 0
  }
}

/** The last line may have been cut off by a kill. */
function parse(line: string): Line | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as Line)
  } catch {
    return undefined
  }
}
