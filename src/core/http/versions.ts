// Microversion headers: what the client asks for, what it gets, and how the answer says so.
import { compareVersions, type Version, version, type VersionList } from '#core/spec'
import { BadRequest, NotAcceptable } from '#core/errors'

export interface VersionHeaders {
  readonly list: VersionList
  /** The type in `OpenStack-API-Version: compute 2.1`. */
  readonly type: string
  /** An older header that is read and answered too, `X-OpenStack-Nova-API-Version` for nova. */
  readonly legacyHeader?: string
}

/**
 * The version of a request; the minimum where none is asked for.
 *
 * @throws BadRequest for something that is no version, NotAcceptable for one that we do not have
 */
export function negotiate(headers: Readonly<Record<string, string | undefined>>, rules: VersionHeaders): Version {
  const asked = askedVersion(headers, rules)
  if (asked === undefined) return rules.list.minimum
  if (asked === 'latest') return rules.list.maximum
  if (!/^[1-9]\d*\.(0|[1-9]\d*)$/.test(asked)) {
    throw new BadRequest(`API Version String ${asked.slice(0, 40)} is of invalid format. Must be of format MajorNum.MinorNum.`)
  }
  if (compareVersions(asked, rules.list.minimum.text) < 0 || compareVersions(asked, rules.list.maximum.text) > 0) {
    throw new NotAcceptable(
      `Version ${asked} is not supported by the API. Minimum is ${rules.list.minimum.text} and maximum is ${rules.list.maximum.text}.`,
      { minVersion: rules.list.minimum.text, maxVersion: rules.list.maximum.text },
    )
  }
  return version(asked)
}

function askedVersion(headers: Readonly<Record<string, string | undefined>>, rules: VersionHeaders): string | undefined {
  const modern = headers['openstack-api-version']
  if (modern !== undefined) {
    for (const entry of modern.split(',')) {
      const [type, value] = entry.trim().split(/\s+/)
      if (type?.toLowerCase() === rules.type && value !== undefined) return value
    }
  }
  return rules.legacyHeader ? headers[rules.legacyHeader.toLowerCase()] : undefined
}

export function versionHeaders(rules: VersionHeaders, settled: Version): Record<string, string> {
  const headers: Record<string, string> = { 'OpenStack-API-Version': `${rules.type} ${settled.text}`, Vary: 'OpenStack-API-Version' }
  if (rules.legacyHeader) {
    headers[rules.legacyHeader] = settled.text
    headers['Vary'] = `OpenStack-API-Version, ${rules.legacyHeader}`
  }
  return headers
}
