// A person's log-in is the beginning of the boots that they ask for: steps 1 and 2 wait under the token's audit id.
import type { TokenModel } from '../model/tokens.ts'
import type { Keystone } from './keystone.ts'

/** Note when a log-in was asked for, when it was proven, and when its answer was ready. */
export function markLogIn({ clock, trace }: Keystone) {
  const startedAt = clock.now().getTime()
  const began = clock.monotonic()
  return {
    proven() {
      const provenAt = clock.now().getTime()
      const proven = clock.monotonic()
      return {
        answered({ auditIds, methods, roles }: TokenModel): void {
          const auditId = auditIds[0]
          // Services log in all the time, and no boot begins with that.
          if (auditId === undefined || methods.includes('delegation') || roles.some((role) => role.name === 'service')) return
          const traceId = `login:${auditId}`
          trace.record({ traceId, step: 1, outcome: 'done', startedAt, durationMs: proven - began })
          trace.record({ traceId, step: 2, outcome: 'done', startedAt: provenAt, durationMs: clock.monotonic() - proven })
        },
      }
    },
  }
}
