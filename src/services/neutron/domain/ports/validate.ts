// What of a port's body must hold before anything is written: MAC, address pairs, DHCP options, groups.
import { BadRequest } from '#core/errors'
import { formatPrefix, parsePrefix } from '../../model/addresses.ts'
import { DuplicatePair, invalidAttribute, PairsExhausted, PairWithoutAddress } from '../../model/errors.ts'
import { parseMac } from '../../model/mac.ts'

export interface AddressPair {
  readonly ip_address: string
  readonly mac_address: string
}

export interface DhcpOption {
  readonly opt_name: string
  readonly opt_value: string
  readonly ip_version: number
}

const mostPairs = 10
/** Names and numbers of options as DHCP servers know them; nothing that could begin another line or option. */
const optionName = /^[a-z0-9][a-z0-9-]{0,63}$/i
const optionValue = /^[\x20-\x7e]{1,255}$/

const noMac = (text: string | null) => `'${text === null ? 'None' : text.slice(0, 32)}' is not a valid MAC address`

/** @throws BadRequest also for none */
export function readMac(text: string | null): string {
  const mac = text === null ? undefined : parseMac(text)
  if (mac === undefined) throw invalidAttribute('mac_address', noMac(text))
  return mac
}

/** @throws PairsExhausted, PairWithoutAddress, DuplicatePair, BadRequest for what is no address */
export function readPairs(pairs: readonly { readonly ip_address?: string; readonly mac_address?: string | null }[] | null, ownMac: string): AddressPair[] {
  if (pairs === null) return []
  if (pairs.length > mostPairs) throw new PairsExhausted(`The number of allowed address pair exceeds the maximum ${mostPairs}.`)
  const seen = new Set<string>()
  return pairs.map(({ ip_address: addressText, mac_address: macText }) => {
    const given = macText === undefined || macText === null ? undefined : parseMac(macText)
    if (macText && given === undefined) throw new BadRequest(noMac(macText))
    if (addressText === undefined) throw new PairWithoutAddress('AllowedAddressPair must contain ip_address')
    const prefix = parsePrefix(addressText)
    if (!prefix) throw new BadRequest(`'${addressText.slice(0, 64)}' is not a valid IP ${addressText.includes('/') ? 'subnet' : 'address'}`)
    const pair = { ip_address: addressText.includes('/') ? formatPrefix(prefix) : formatPrefix(prefix).replace(/\/\d+$/, ''), mac_address: given ?? ownMac }
    const key = `${pair.mac_address} ${pair.ip_address}`
    if (seen.has(key)) throw new DuplicatePair(`Request contains duplicate address pair: mac_address ${macText ?? 'None'} ip_address ${addressText}.`)
    seen.add(key)
    return pair
  })
}

/**
 * Options for DHCP, in a grammar so narrow that none can smuggle another line into a server's configuration (CVE-2021-40085).
 * A value of null takes the option away.
 *
 * @throws BadRequest
 */
export function readDhcpOptions(options: readonly { readonly opt_name: string; readonly opt_value?: string | null; readonly ip_version?: number | string | null }[] | null, before: readonly DhcpOption[] = []): DhcpOption[] {
  const kept = new Map(before.map((option) => [`${option.ip_version} ${option.opt_name}`, option]))
  const seen = new Set<string>()
  for (const { opt_name: name, opt_value: value, ip_version: versionText } of options ?? []) {
    const version = Number(versionText ?? 4)
    if (!optionName.test(name)) throw invalidAttribute('extra_dhcp_opts', 'an option’s name is made of letters, digits and hyphens')
    if (version !== 4 && version !== 6) throw invalidAttribute('extra_dhcp_opts', 'ip_version is 4 or 6')
    const key = `${version} ${name}`
    if (seen.has(key)) throw invalidAttribute('extra_dhcp_opts', `the option ${name} is there twice`)
    seen.add(key)
    if (value === undefined || value === null) kept.delete(key)
    else if (!optionValue.test(value)) throw invalidAttribute('extra_dhcp_opts', `the value of ${name} is not a line of plain text`)
    else kept.set(key, { opt_name: name, opt_value: value, ip_version: version })
  }
  return [...kept.values()]
}
