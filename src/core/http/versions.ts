// Microversion headers: what the client asks for, what it gets, and how the answer says so.
import { compareVersions, type Version, version, type VersionList } from '#core/spec'
import { BadRequest, NotAcceptable } from '#core/errors'

export interface VersionHeaders {
  readonly list: VersionList
  /** The type in `OpenStack-API-Version: compute 2.1`. */
  readonly type: string
  /** An older header that is read and answered too, `X-OpenStack-Nova-API-Version` for nova. */
  readonly legacyHeader?: string
  /** What upstream reads versions with, where it is not nova's code: other numbers are versions to it, and it refuses in other words. */
  readonly parser?: 'microversion_parse'
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
  const parsed = rules.parser === 'microversion_parse'
  if (!(parsed ? /^(0|[1-9]\d*)\.(0|[1-9]\d*)$/ : /^[1-9]\d*\.(0|[1-9]\d*)$/).test(asked)) {
    const shown = asked.slice(0, 40)
    throw new BadRequest(parsed ? `Invalid microversion: invalid version string: ${shown}` : `API Version String ${shown} is of invalid format. Must be of format MajorNum.MinorNum.`)
  }
  const [minVersion, maxVersion] = [rules.list.minimum.text, rules.list.maximum.text]
  if (compareVersions(asked, minVersion) < 0 || compareVersions(asked, maxVersion) > 0) {
    throw new NotAcceptable(
      parsed ? `Invalid microversion: Unacceptable version header: ${asked}` : `Version ${asked} is not supported by the API. Minimum is ${minVersion} and maximum is ${maxVersion}.`,
      { minVersion, maxVersion },
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
  const vary = rules.parser === 'microversion_parse' ? 'openstack-api-version' : 'OpenStack-API-Version'
  const headers: Record<string, string> = { 'OpenStack-API-Version': `${rules.type} ${settled.text}`, Vary: vary }
  if (rules.legacyHeader) {
    headers[rules.legacyHeader] = settled.text
    headers['Vary'] = `OpenStack-API-Version, ${rules.legacyHeader}`
  }
  return headers
}
