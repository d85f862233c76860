// From a network's subnets and hosts to the arguments and files of dnsmasq: pure functions. Whatever a tenant wrote is
// checked against a narrow grammar, and left out otherwise.
import type { DhcpHostSpec, DhcpServerSpec, DhcpSpec, DhcpSubnetSpec, Problem } from '../interface.ts'
import { ipv4, mac, metadataAddress, network4, prefix, toAddress, toNumber } from './addresses.ts'
import { dhcpDeviceOf, uuid } from './names.ts'

export interface DnsmasqFiles {
  readonly hosts: string
  readonly options: string
  /** Addresses and names, as /etc/hosts has them. */
  readonly names: string
  readonly problems: readonly Problem[]
  /** Which MAC address has which address. */
  readonly owners: Readonly<Record<string, string>>
}

/** Options of DHCPv4 by the names that dnsmasq knows; others are given by number. */
const optionNames = new Set(('netmask time-offset router dns-server log-server lpr-server boot-file-size domain-name swap-server root-path '
  + 'extension-path ip-forward-enable non-local-source-routing policy-filter max-datagram-reassembly default-ttl mtu all-subnets-local '
  + 'router-discovery router-solicitation static-route trailer-encapsulation arp-timeout ethernet-encap tcp-ttl tcp-keepalive nis-domain '
  + 'nis-server ntp-server netbios-ns netbios-dd netbios-nodetype netbios-scope x-windows-fs x-windows-dm T1 T2 vendor-class nis+-domain '
  + 'nis+-server tftp-server bootfile-name mobile-ip-home smtp-server pop3-server nntp-server irc-server user-class rapid-commit client-arch '
  + 'client-interface-id client-machine-id posix-timezone tzdb-timezone ipv6-only domain-search sip-server classless-static-route '
  + 'vendor-id-encap tftp-server-address server-ip-address').split(' '))

const served = <T extends Pick<DhcpSubnetSpec, 'enableDhcp' | 'ipVersion'>>(spec: { readonly subnets: readonly T[] }) => spec.subnets.filter((subnet) => subnet.enableDhcp && subnet.ipVersion === 4)

export function dnsmasqArguments(spec: DhcpSpec, directory: string): string[] {
  return [
    '--keep-in-foreground', '--no-hosts', '--no-resolv', '--bind-interfaces', '--leasefile-ro', '--dhcp-authoritative', '--no-ping',
    `--interface=${dhcpDeviceOf(spec.port.id)}`,
    `--domain=${domain(spec.domain)}`,
    '--dhcp-lease-max=65536',
    ...served(spec).map((subnet) => {
      const { base, netmask } = network4(subnet.cidr)
      return `--dhcp-range=set:subnet-${uuid(subnet.id)},${base},static,${netmask},${Math.max(120, Math.floor(subnet.leaseSeconds))}s`
    }),
    ...spec.dnsForwarders.map((address) => `--server=${ipv4(address)}`),
    `--dhcp-hostsfile=${directory}/hosts`, `--dhcp-optsfile=${directory}/options`, `--addn-hosts=${directory}/names`,
  ]
}

export function dnsmasqFiles(spec: DhcpSpec): DnsmasqFiles {
  const problems: Problem[] = []
  const subnets = new Map(served(spec).map((subnet) => [subnet.id, subnet]))
  const hosts: string[] = []
  const names: string[] = []
  const options = [...subnets.values()].flatMap((subnet) => subnetOptions(spec, subnet))
  const owners: Record<string, string> = {}
  for (const host of spec.hosts) {
    try {
      const lines = hostLines(host, subnets, domain(spec.domain))
      hosts.push(...lines.hosts)
      names.push(...lines.names)
      for (const { address } of host.addresses) owners[address] = mac(host.macAddress)
    } catch (error) {
      problems.push({ subject: host.portId.slice(0, 36), message: (error as Error).message })
      continue
    }
    for (const option of host.options) {
      const line = extraOption(host.portId, option)
      if (typeof line === 'string') options.push(line)
      else problems.push(line)
    }
  }
  const file = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('')
  return { hosts: file(hosts), options: file(options), names: file(names), problems, owners }
}

/**
 * Whether a server that runs with these hosts may be told to read them again. dnsmasq 2.90 as Debian 12 has it ends with
 * a memory fault when it forgets a host that has a tag and holds a lease; such a server is started anew instead.
 */
export const canReload = (hosts: string) => !hosts.includes(',set:')

function hostLines(host: DhcpHostSpec, subnets: ReadonlyMap<string, DhcpSubnetSpec>, domainName: string) {
  const addresses = host.addresses.filter(({ subnetId }) => subnets.has(subnetId)).map(({ address }) => ipv4(address))
  const first = hostName(host.hostName)
  const hosts = addresses.map((address, index) => {
    const name = index === 0 ? first : `host-${address.replaceAll('.', '-')}`
    // Only where options need the tag: see canReload.
    const tag = host.options.length > 0 ? `set:port-${uuid(host.portId)},` : ''
    return `${mac(host.macAddress)},${tag}${address},${name}`
  })
  return { hosts, names: addresses.map((address) => `${address} ${first}.${domainName} ${first}`) }
}

/** What a file of hosts says: MAC address, perhaps a tag, address, name. */
export function readHosts(text: string): { macAddress: string; address: string }[] {
  return text.split('\n').filter((line) => line !== '').map((line) => {
    const [macAddress = '', address = ''] = line.split(',').filter((part) => !part.startsWith('set:'))
    return { macAddress, address }
  })
}

/**
 * What a subnet's hosts are told. A client that gets classless routes (option 121) must ignore the router option (RFC
 * 3442), so the default route is among them too.
 */
function subnetOptions(spec: DhcpSpec, subnet: DhcpSubnetSpec): string[] {
  const tag = `tag:subnet-${uuid(subnet.id)}`
  const port = ipv4(subnet.portAddress)
  const gateway = subnet.gatewayAddress === null ? undefined : ipv4(subnet.gatewayAddress)
  const servers = (subnet.dnsServers.length > 0 ? subnet.dnsServers : [port]).map(ipv4)
  const routes = subnet.hostRoutes.map((route) => `${network(route.destination)},${ipv4(route.nextHop)}`)
  if (spec.metadata) routes.push(`${metadataAddress}/32,${port}`)
  for (const other of served(spec)) if (other.id !== subnet.id) routes.push(`${network(other.cidr)},0.0.0.0`)
  if (gateway !== undefined) routes.push(`0.0.0.0/0,${gateway}`)
  return [
    // Without a value the option is not sent: there is no router, and dnsmasq must not name itself.
    gateway === undefined ? `${tag},option:router` : `${tag},option:router,${gateway}`,
    `${tag},option:dns-server,${servers.join(',')}`,
    `${tag},option:mtu,${Math.floor(spec.mtu)}`,
    ...(routes.length > 0 ? [`${tag},option:classless-static-route,${routes.join(',')}`] : []),
  ]
}

function extraOption(portId: string, option: DhcpHostSpec['options'][number]): string | Problem {
  const problem = (message: string): Problem => ({ subject: portId, message })
  if (option.ipVersion !== 4) return problem(`Option ${JSON.stringify(option.name).slice(0, 80)} is not of DHCPv4.`)
  const numbered = /^\d{1,3}$/.test(option.name) && Number(option.name) >= 1 && Number(option.name) <= 254
  if (!numbered && !optionNames.has(option.name)) return problem(`Unknown DHCP option ${JSON.stringify(option.name).slice(0, 80)}.`)
  // Printable characters, without those that dnsmasq's files read as quotes, escapes or comments.
  if (!/^[A-Za-z0-9 .,:;/_@=+()[\]*%&?~!-]{1,255}$/.test(option.value)) {
    return problem(`The value of DHCP option ${option.name} has characters that are not allowed.`)
  }
  return `tag:port-${uuid(portId)},${numbered ? '' : 'option:'}${option.name},${option.value}`
}

const network = (cidr: string) => {
  const { base, length } = network4(prefix(cidr, 4))
  return `${base}/${length}`
}

function domain(value: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(value)) throw new Error(`Not a domain: ${JSON.stringify(value).slice(0, 80)}`)
  return value
}

function hostName(value: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(value)) throw new Error(`Not a host name: ${JSON.stringify(value).slice(0, 80)}`)
  return value
}

/** The address of the DHCP port with the subnet's prefix length, for the device. */
export function portAddresses(spec: Pick<DhcpServerSpec, 'subnets'>): string[] {
  return served(spec).map((subnet) => `${toAddress(toNumber(subnet.portAddress))}/${network4(subnet.cidr).length}`)
}
