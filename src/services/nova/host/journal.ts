// What this host was told and did, a file per operation: it tells after a restart which lease spoke last, and what was under way.
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StaleEpoch } from '../model/errors.ts'

export interface JournalEntry {
  readonly at: string
  readonly command: string
  readonly serverId: string
  readonly epoch: number
  readonly event: 'told' | 'done' | 'failed'
  readonly message?: string
}

/** Commands whose effect outlives them: what was told is on the disk before it is done. */
const lasting = new Set(['spawn', 'destroy', 'powerOn', 'powerOff', 'reboot', 'attachVolume', 'detachVolume', 'attachInterface', 'detachInterface'])
const fileName = /^([0-9a-f-]{36})\.jsonl$/

export class HostJournal {
  readonly #directory: string
  readonly #epochs = new Map<string, number>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Read what earlier runs left. */
  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.#directory)) {
      const operationId = fileName.exec(name)?.[1]
      if (operationId === undefined) continue
      for (const entry of await this.entries(operationId)) this.#epochs.set(operationId, Math.max(entry.epoch, this.#epochs.get(operationId) ?? 0))
    }
  }

  /** The operations that this host has a record of. */
  get operations(): readonly string[] {
    return [...this.#epochs.keys()]
  }

  async entries(operationId: string): Promise<JournalEntry[]> {
    const text = await readFile(this.#path(operationId), 'utf8').catch(() => '')
    // The last line may have been cut off by a kill.
    return text.split('\n').flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as JournalEntry]
      } catch {
        return []
      }
    })
  }

  /** @throws StaleEpoch when a later lease has spoken */
  admit(operationId: string, epoch: number): void {
    const seen = this.#epochs.get(operationId) ?? 0
    if (epoch < seen) throw new StaleEpoch('This lease was followed by another one.', { operationId, epoch, seen })
    this.#epochs.set(operationId, epoch)
  }

  async write(operationId: string, entry: JournalEntry): Promise<void> {
    if (!lasting.has(entry.command)) return
    const file = await open(this.#path(operationId), 'a', 0o600)
    try {
      await file.write(`${JSON.stringify(entry)}\n`)
      if (entry.event === 'told') await file.datasync()
    } finally {
      await file.close()
    }
  }

  async forget(operationId: string): Promise<void> {
    this.#epochs.delete(operationId)
    await rm(this.#path(operationId), { force: true })
  }

  #path(operationId: string): string {
    return join(this.#directory, `${operationId}.jsonl`)
  }
}
