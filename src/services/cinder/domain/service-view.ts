// Which roles live and what they offer, from what they said last. In memory only: who is new asks all to report.
import type { ServiceReport } from '#contract/cinder'

export class ServiceView {
  readonly #last = new Map<string, ServiceReport>()

  hear(report: ServiceReport): void {
    this.#last.set(`${report.binary} ${report.host}`, report)
  }

  lastHeard(binary: string, host: string): Date | undefined {
    const report = this.#last.get(`${binary} ${host}`)
    return report && new Date(report.at)
  }

  isUp(binary: string, host: string, now: Date, downAfterSeconds: number): boolean {
    const heard = this.lastHeard(binary, host)
    return heard !== undefined && now.getTime() - heard.getTime() <= downAfterSeconds * 1000
  }

  /** Zones in which a role of the kind lives. */
  zones(binary: string, now: Date, downAfterSeconds: number): string[] {
    const zones = new Set<string>()
    for (const report of this.#last.values()) {
      if (report.binary === binary && this.isUp(binary, report.host, now, downAfterSeconds)) zones.add(report.zone)
    }
    return [...zones].sort()
  }

  backends(): readonly ServiceReport[] {
    return [...this.#last.values()].filter((report) => report.binary === 'cinder-volume')
  }
}
