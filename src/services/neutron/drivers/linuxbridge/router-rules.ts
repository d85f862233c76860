// From a router to the ruleset of its namespace: translation of floating addresses and of everything else that leaves,
// and a filter that ends flows whose translation is no longer wished for. A pure function.
import type { PortForwardingSpec, RouterSpec } from '../interface.ts'
import { BadSpecification } from '../interface.ts'
import { ipv4, metadataAddress, network4 } from './addresses.ts'
import { asListed, chainAsListed, setAsListed } from './listing.ts'
import { gatewayDeviceOf, table } from './names.ts'

export function compileRouter(spec: RouterSpec): string {
  const replaced = `add table ip ${table}\ndelete table ip ${table}\n`
  if (!spec.gateway) return `${replaced}table ip ${table} { }\n`
  const outside = gatewayDeviceOf(spec.gateway.portId)
  const first = spec.gateway.addresses[0]
  const own = first === undefined ? undefined : ipv4(first.split('/')[0] ?? '')
  const inside = spec.interfaces.flatMap(({ addresses }) => addresses.map((address) => {
    const { base, length } = network4(address)
    return `${base}/${length}`
  }))
  const floating = spec.floatingIps.map((one) => ({ outer: ipv4(one.floatingAddress), inner: ipv4(one.fixedAddress) }))
  const forwardings = spec.portForwardings.map(checkForwarding)
  const translates = spec.gateway.enableSnat && own !== undefined

  const destination = [
    ...(floating.length > 0 ? [`dnat to ip daddr map { ${floating.map(({ outer, inner }) => `${outer} : ${inner}`).join(', ')} }`] : []),
    ...forwardings.map((one) => `ip daddr ${one.outer} ${one.protocol} dport ${one.outerPort} dnat to ${one.inner}:${one.innerPort}`),
  ]
  const source = [
    ...(floating.length > 0 ? [`oifname "${outside}" snat to ip saddr map { ${floating.map(({ outer, inner }) => `${inner} : ${outer}`).join(', ')} }`] : []),
    ...(translates ? [`oifname "${outside}" ip saddr != ${own} snat to ${own}`] : []),
    // From inside to a floating address that is inside too: the answer must come back through here.
    ...(own !== undefined && inside.length > 0 ? [`oifname != "${outside}" ip saddr @inside ct status dnat snat to ${own}`] : []),
  ]
  // A flow's own translation, as connection tracking has it, must be one that is wished for now.
  const into = [
    ...floating.map(({ outer, inner }) => `${outer} . ${inner}`),
    ...forwardings.map(({ outer, inner }) => `${outer} . ${inner}`),
  ]
  const outOf = floating.map(({ outer, inner }) => `${inner} . ${outer}`)
  const stale = [
    into.length > 0
      ? `ct status dnat ct original ip daddr . ct reply ip saddr != { ${[...new Set(into)].join(', ')} } drop`
      : 'ct status dnat drop',
    `ct status snat${translates || inside.length > 0 && own !== undefined ? ` ct reply ip daddr != ${own}` : ''}${outOf.length > 0 ? ` ct original ip saddr . ct reply ip daddr != { ${outOf.join(', ')} }` : ''} drop`,
  ]
  // Inner addresses of a translating router are no business of the outside.
  const hidden = translates ? [`iifname "${outside}" ct direction original ct status ! dnat drop`] : []
  return `${replaced}${asListed(`ip ${table}`, [
    setAsListed('inside', ['type ipv4_addr', 'flags interval', 'auto-merge'], inside),
    chainAsListed('prerouting', 'nat', -100, destination),
    chainAsListed('postrouting', 'nat', 100, source),
    chainAsListed('forward', 'filter', 0, [...stale, ...hidden]),
    chainAsListed('input', 'filter', 0, [`iifname "${outside}" ip daddr ${metadataAddress} drop`]),
  ])}`
}

function checkForwarding(one: PortForwardingSpec) {
  for (const port of [one.externalPort, one.internalPort]) {
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw new BadSpecification(`Not a port: ${port}`)
  }
  if (one.protocol !== 'tcp' && one.protocol !== 'udp') throw new BadSpecification(`Not a protocol: ${String(one.protocol)}`)
  return {
    protocol: one.protocol, outer: ipv4(one.floatingAddress), outerPort: one.externalPort,
    inner: ipv4(one.fixedAddress), innerPort: one.internalPort,
  }
}
