// Headers that placement's answers share.
import type { Version } from '#core/spec'

/** From 1.15 on an answer says when what it shows was changed, and that it must not be cached. */
export function fresh(version: Version, modified: string | Date): Record<string, string> {
  if (!version.atLeast('1.15')) return {}
  return { 'last-modified': new Date(modified).toUTCString(), 'cache-control': 'no-cache' }
}

/** The latest of some times; now where there is none. */
export function latest(times: Iterable<string>, now: Date): string {
  let found = ''
  for (const time of times) if (time > found) found = time
  return found === '' ? now.toISOString() : found
}

/** Links in bodies have no scheme and host: they are below the path under which the client reached us. */
export function pathOf(baseUrl: string): string {
  const slash = baseUrl.indexOf('/', baseUrl.indexOf('//') + 2)
  return slash < 0 ? '' : baseUrl.slice(slash).replace(/\/$/, '')
}
