// The Debian packages that real engines need, each for a reason. Nothing else is installed.

export interface DebianPackage {
  readonly name: string
  readonly reason: string
}

export const debianPackages: readonly DebianPackage[] = [
  { name: 'qemu-system-x86', reason: 'runs the guests; brings qemu-storage-daemon, which serves the volumes' },
  { name: 'qemu-utils', reason: 'qemu-img makes disks and converts images' },
  { name: 'e2fsprogs', reason: 'file systems of ephemeral disks; part of nearly every Debian' },
  { name: 'iproute2', reason: 'links, addresses, routes and network namespaces' },
  { name: 'nftables', reason: 'anti-spoofing, security groups, NAT and floating IPs' },
  { name: 'dnsmasq-base', reason: 'DHCP and names inside tenant networks' },
]

/** What only the demo needs, to log in to its server; installed when it runs. */
export const demoPackages: readonly DebianPackage[] = [{ name: 'openssh-client', reason: 'the demo logs in to its server' }]

/** What the tests drive the cloud and its networks with; installed by `nimbo test`. */
export const testPackages: readonly DebianPackage[] = [
  ...demoPackages,
  { name: 'python3-openstackclient', reason: 'the client of the tutorial, unmodified' },
  { name: 'postgresql', reason: 'the server of the tests on PostgreSQL, which start one of their own' },
  { name: 'busybox', reason: 'a DHCP client and a web server inside test namespaces' },
  { name: 'iputils-arping', reason: 'a guest that claims the address of another' },
  { name: 'iputils-ping', reason: 'packets that must pass, and those that must not' },
]
