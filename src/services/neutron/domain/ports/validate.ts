// What of a port's body must hold before anything is written: MAC, address pairs, DHCP options, groups.
import { formatPrefix, parsePrefix } from '../../model/addresses.ts'
import { InvalidInput } from '../../model/errors.ts'
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

export function readMac(text: string): string {
  const mac = parseMac(text)
  if (mac === undefined) throw new InvalidInput(`Invalid input for mac_address. Reason: '${text.slice(0, 32)}' is not a valid MAC address.`)
  return mac
}

/** @throws InvalidInput for a bad address or a pair that is there twice */
export function readPairs(pairs: readonly { readonly ip_address: string; readonly mac_address?: string | null }[] | null, ownMac: string): AddressPair[] {
  if (pairs === null) return []
  if (pairs.length > mostPairs) throw new InvalidInput(`The number of allowed address pair exceeds the maximum ${mostPairs}.`)
  const read = pairs.map(({ ip_address: addressText, mac_address: macText }) => {
    const prefix = parsePrefix(addressText)
    if (!prefix) throw new InvalidInput(`Invalid input for allowed_address_pairs. Reason: '${addressText.slice(0, 64)}' is not a valid IP address or subnet.`)
    const address = addressText.includes('/') ? formatPrefix(prefix) : formatPrefix(prefix).replace(/\/\d+$/, '')
    return { ip_address: address, mac_address: macText === undefined || macText === null ? ownMac : readMac(macText) }
  })
  const seen = new Set(read.map((pair) => `${pair.mac_address} ${pair.ip_address}`))
  if (seen.size !== read.length) throw new InvalidInput('Invalid input for allowed_address_pairs. Reason: Request contains duplicate address pair.')
  return read
}

/**
 * Options for DHCP, in a grammar so narrow that none can smuggle another line into a server's configuration (CVE-2021-40085).
 * A value of null takes the option away.
 *
 * @throws InvalidInput
 */
export function readDhcpOptions(options: readonly { readonly opt_name: string; readonly opt_value?: string | null; readonly ip_version?: number | string | null }[] | null, before: readonly DhcpOption[] = []): DhcpOption[] {
  const kept = new Map(before.map((option) => [`${option.ip_version} ${option.opt_name}`, option]))
  const seen = new Set<string>()
  for (const { opt_name: name, opt_value: value, ip_version: versionText } of options ?? []) {
    const version = Number(versionText ?? 4)
    if (!optionName.test(name)) throw new InvalidInput('Invalid input for extra_dhcp_opts. Reason: an option’s name is made of letters, digits and hyphens.')
    if (version !== 4 && version !== 6) throw new InvalidInput('Invalid input for extra_dhcp_opts. Reason: ip_version is 4 or 6.')
    const key = `${version} ${name}`
    if (seen.has(key)) throw new InvalidInput(`Invalid input for extra_dhcp_opts. Reason: the option ${name} is there twice.`)
    seen.add(key)
    if (value === undefined || value === null) kept.delete(key)
    else if (!optionValue.test(value)) throw new InvalidInput(`Invalid input for extra_dhcp_opts. Reason: the value of ${name} is not a line of plain text.`)
    else kept.set(key, { opt_name: name, opt_value: value, ip_version: version })
  }
  return [...kept.values()]
}
