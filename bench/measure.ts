// Takes samples: a warm-up, then at least five seconds of the same work at a given concurrency.

export interface Sample {
  readonly name: string
  readonly unit: string
  /** Operations a second, or what the unit says. */
  readonly rate: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly count: number
}

export interface SampleOptions {
  readonly concurrency: number
  readonly seconds: number
  readonly warmUp: number
  /** Stop after so many, however quick they were. */
  readonly most?: number
}

export async function sample(name: string, options: SampleOptions, work: (index: number) => Promise<number | void>): Promise<Sample> {
  let index = 0
  const many = async (until: () => boolean, durations?: number[]) => {
    await Promise.all(Array.from({ length: options.concurrency }, async () => {
      while (!until()) {
        const started = performance.now()
        const own = await work(index++)
        durations?.push(own ?? performance.now() - started)
      }
    }))
  }
  const warmed = options.warmUp
  await many(() => index >= warmed)
  const durations: number[] = []
  const begun = performance.now()
  await many(() => performance.now() - begun > options.seconds * 1000 || (options.most !== undefined && durations.length >= options.most), durations)
  const seconds = (performance.now() - begun) / 1000
  durations.sort((a, b) => a - b)
  return { name, unit: 'a second', rate: durations.length / seconds, medianMs: at(durations, 0.5), p99Ms: at(durations, 0.99), count: durations.length }
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
