// Whether a service of nova lives: it said so a short while ago, and nobody declared it dead.
import type { Nova } from './nova.ts'

interface Reported {
  readonly forced_down: number
  readonly last_seen_up: string | null
  readonly created_at: string
}

export function isUp(nova: Pick<Nova, 'runtime' | 'settings'>, service: Reported): boolean {
  if (service.forced_down === 1) return false
  const silentMs = nova.runtime.clock.now().getTime() - Date.parse(service.last_seen_up ?? service.created_at)
  return Math.abs(silentMs) <= nova.settings.service_down_time * 1000
}
