// How long a host has been up and how busy it is, in the line that the program `uptime` prints: clients take it apart.
export interface HostUptime {
  readonly upSeconds: number
  /** Of the last minute, five and fifteen. */
  readonly load: readonly [number, number, number]
}

const two = (value: number) => String(value).padStart(2, '0')

/** Nobody logs in to a host to see who is there: of users it says 0. */
export function uptimeLine({ upSeconds, load }: HostUptime, now: Date): string {
  const minutes = Math.floor(upSeconds / 60)
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24]
  const since = hours > 0 ? `${String(hours).padStart(2)}:${two(minutes % 60)}` : `${minutes % 60} min`
  const up = days > 0 ? `${days} day${days === 1 ? '' : 's'}, ${since}` : since
  return ` ${now.toISOString().slice(11, 19)} up ${up},  0 users,  load average: ${load.map((each) => each.toFixed(2)).join(', ')}`
}
