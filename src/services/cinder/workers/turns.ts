// Work on one volume happens one after the other; and what an older lease still asks is refused.
import { StaleLease } from '../model/errors.ts'

const rememberedLeases = 5000

export class VolumeTurns {
  readonly #last = new Map<string, Promise<unknown>>()
  readonly #epochs = new Map<string, number>()

  /** @throws StaleLease for an epoch lower than one seen of the same operation */
  async take<T>(volumeId: string, lease: { readonly operation?: string; readonly epoch?: number }, work: () => Promise<T>): Promise<T> {
    this.#admit(lease)
    const before = this.#last.get(volumeId)
    const mine = (async () => {
      await before?.catch(() => {})
      this.#admit(lease)
      return work()
    })()
    this.#last.set(volumeId, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(volumeId) === mine) this.#last.delete(volumeId)
    }
  }

  #admit({ operation, epoch }: { readonly operation?: string; readonly epoch?: number }): void {
    if (operation === undefined || epoch === undefined) return
    const seen = this.#epochs.get(operation) ?? 0
    if (epoch < seen) throw new StaleLease('Another worker has taken over this operation.', { operation, epoch, seen })
    this.#epochs.delete(operation)
    this.#epochs.set(operation, epoch)
    const oldest = this.#epochs.keys().next().value
    if (this.#epochs.size > rememberedLeases && oldest !== undefined) this.#epochs.delete(oldest)
  }
}
