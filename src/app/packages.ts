// The Debian packages that real engines need, each for a reason. Nothing else is installed.

export interface DebianPackage {
  readonly name: string
  readonly reason: string
}

export const debianPackages: readonly DebianPackage[] = [
  { name: 'iproute2', reason: 'links, addresses, routes and network namespaces' },
  { name: 'nftables', reason: 'anti-spoofing, security groups, NAT and floating IPs' },
  { name: 'dnsmasq-base', reason: 'DHCP and names inside tenant networks' },
]
