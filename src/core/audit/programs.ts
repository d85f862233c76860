// Programs that work for the cloud on a host and that nothing of it accounts for. Who drives such programs there says which
// there are, and ends one when it is asked to; the service's auditor tells of them.
import type { Clock } from '#core/context'
import { AppError, Conflict } from '#core/errors'
import type { DaemonKind, Privileged, StrayProgram } from '#core/process'
import { rpcClient } from '#core/rpc'
import type { Runtime } from '#core/service'
import { call, defineRpc, Type } from '#core/spec'
import type { Check, Difference } from './finding.ts'

const identity = { pid: Type.Integer(), startTime: Type.String() }

const programsRpc = (kind: DaemonKind) => defineRpc(`${kind}-programs`, '1.0', {
  /** Those that no record accounts for. */
  strays: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({}), result: Type.Object({ strays: Type.Array(Type.Object({ ...identity, command: Type.String() })) }) }),
  /** End one of them; also when it is gone. One that a record accounts for by now is left alone. */
  end: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object(identity), result: Type.Object({}) }),
})

/** Politely, then not: a guest writes what it still has to write. */
const secondsToEnd = 5
const waitMilliseconds = 100

/** Without the privileged helper nothing was started here, and nothing is a stray. */
export function servePrograms({ bus, host, clock, privileged }: Pick<Runtime, 'bus' | 'host' | 'clock' | 'privileged'>, kind: DaemonKind): { close(): void } {
  return bus.serve(programsRpc(kind), host, {
    strays: async () => ({ strays: [...((await privileged?.strayPrograms(kind)) ?? [])] }),
    async end(ctx, one) {
      if (privileged) await end(privileged, clock, ctx.signal, kind, one)
      return {}
    },
  })
}

async function end(privileged: Privileged, clock: Clock, signal: AbortSignal, kind: DaemonKind, one: Pick<StrayProgram, 'pid' | 'startTime'>): Promise<void> {
  for (const name of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await privileged.signalStray(kind, one, name))) return
    for (let waited = 0; waited < secondsToEnd * 1000; waited += waitMilliseconds) {
      await clock.sleep(waitMilliseconds, signal)
      if (!(await privileged.strayPrograms(kind)).some(({ pid, startTime }) => pid === one.pid && startTime === one.startTime)) return
    }
  }
  throw new Conflict(`The process ${one.pid} does not end.`)
}

export interface ProgramHosts {
  readonly runtime: Pick<Runtime, 'bus' | 'clock' | 'random' | 'ids' | 'log'>
  readonly kind: DaemonKind
  /** Where such programs are started. */
  hosts(): Promise<Iterable<string>>
}

export function programsCheck({ runtime, kind, hosts }: ProgramHosts): Check {
  const programs = rpcClient(runtime.bus, runtime, programsRpc(kind))
  return {
    name: 'programs',
    kinds: {
      'program.stray': {
        remedy: 'when-asked', advice: 'Find out who started it. If nobody needs it, let the repair end it; what it has not written is lost.',
        async repair(ctx, { host = '', about }) {
          const { pid, startTime } = about as unknown as StrayProgram
          await programs.on(host).end(ctx, { pid, startTime })
          return `The process ${pid} was ended.`
        },
      },
    },
    async look(ctx) {
      const [differences, unseen]: [Difference[], string[]] = [[], []]
      for (const host of await hosts()) {
        try {
          const { strays } = await programs.on(host).strays(ctx, {})
          differences.push(...strays.map(({ pid, startTime, command }) => ({
            // A number alone may be another process by tomorrow.
            kind: 'program.stray', resource: `${kind}-${pid}-${startTime}`, host, about: { pid, startTime },
            message: `A ${kind} that the cloud did not start, or knows nothing of any more, works on ${host} as process ${pid}: ${command.slice(0, mostShown)}`,
          })))
        } catch (error) {
          if (!(error instanceof AppError) || error.status !== 503) ctx.log.warn({ err: error, host }, 'a host could not say which programs it has')
          unseen.push(host)
        }
      }
      return { differences, unseen }
    },
  }
}

const mostShown = 300
