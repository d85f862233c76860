// Which arguments dnsmasq may be started with: it starts as root, so nothing that runs a script or reads another file.
import { isIPv4 } from 'node:net'
import { deviceName, pathInside, refuse, text } from './allow.ts'
import type { HelperOptions } from './protocol.ts'

const flags = ['--keep-in-foreground', '--no-hosts', '--no-resolv', '--no-poll', '--bind-interfaces', '--leasefile-ro',
  '--dhcp-authoritative', '--dhcp-broadcast', '--no-ping', '--log-dhcp', '--stop-dns-rebind', '--domain-needed']
const plain = ['--dhcp-range', '--dhcp-option', '--dhcp-lease-max', '--domain', '--port', '--listen-address']
const files = ['--dhcp-hostsfile', '--dhcp-optsfile', '--addn-hosts']

export function dnsmasqArgs(options: HelperOptions, args: readonly string[]): string[] {
  const checked = args.map((arg) => {
    if (flags.includes(arg)) return arg
    const cut = arg.indexOf('=')
    const name = cut < 0 ? arg : arg.slice(0, cut)
    const value = text(cut < 0 ? '' : arg.slice(cut + 1), 'An argument')
    if (name === '--interface') return `${name}=${deviceName(value)}`
    if (name === '--server' && isIPv4(value)) return arg
    if (files.includes(name)) return `${name}=${pathInside(options, value)}`
    if (plain.includes(name) && /^[A-Za-z0-9.:,_-]*$/.test(value)) return arg
    return refuse('An argument of dnsmasq', arg)
  })
  // No configuration file of the host, no pid file, and messages to standard error.
  return ['--conf-file=/dev/null', '--pid-file=', '--log-facility=-', ...checked]
}
