// On whose account something happens: the request or the operation that the code which runs now works for. It is carried
// beside the calls, so that what is written far below (a row's change) can name it without every function between knowing.
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Cause {
  readonly requestId: string
  readonly operationId?: string
}

const causes = new AsyncLocalStorage<Cause>()

export function withCause<T>(cause: Cause, run: () => T): T {
  return causes.run(cause, run)
}

export function currentCause(): Cause | undefined {
  return causes.getStore()
}
