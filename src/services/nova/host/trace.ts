// Steps of the boot flow that this host decides not to need are recorded as skipped, by whoever decides it.
import type { RequestContext } from '#core/context'
import type { Runtime } from '#core/service'
import type { Outcome } from '#core/trace'

export function note({ trace, clock }: Pick<Runtime, 'trace' | 'clock'>, ctx: Pick<RequestContext, 'traceId'>, outcome: Outcome, detail: string, ...steps: number[]): void {
  if (ctx.traceId === undefined) return
  for (const step of steps) trace.record({ traceId: ctx.traceId, step, outcome, startedAt: clock.now().getTime(), durationMs: 0, detail })
}

export function skip(runtime: Pick<Runtime, 'trace' | 'clock'>, ctx: Pick<RequestContext, 'traceId'>, detail: string, from: number, to: number): void {
  for (let step = from; step <= to; step++) note(runtime, ctx, 'skipped', detail, step)
}
