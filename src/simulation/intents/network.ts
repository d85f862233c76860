// What people want of networks.
import { act, change, create, type Intent, remove, some } from './actor.ts'

const createNetwork: Intent = async (actor) => {
  const { dice } = actor
  const id = await create(actor, 'network', 'neutron', '/v2.0/networks', { network: { name: `network-${dice.integer(1000)}` } })
  if (id === undefined || !dice.happens(0.9)) return
  await create(actor, 'subnet', 'neutron', '/v2.0/subnets', { subnet: { network_id: id, ip_version: 4, cidr: `10.${dice.integer(200)}.${dice.integer(200)}.0/${dice.one([24, 28, 29])}` } }, id)
}

const createPort: Intent = async (actor) => {
  const network = some(actor, 'network')
  if (network) await create(actor, 'port', 'neutron', '/v2.0/ports', { port: { network_id: network.id, name: `port-${actor.dice.integer(1000)}` } })
}

const updatePort: Intent = async (actor) => {
  const [port, group] = [some(actor, 'port'), some(actor, 'security-group')]
  if (!port) return
  const name = `renamed-${actor.dice.integer(1000)}`
  await change(actor, port, { name, ...(group && { groups: group.id }) }, 'neutron', `/v2.0/ports/${port.id}`, { port: { name, ...(group && { security_groups: [group.id] }) } })
}

/** Another address of its network, also while a server has it. */
const movePort: Intent = async (actor) => {
  const [port, subnet] = [some(actor, 'port'), some(actor, 'subnet')]
  const seen = port && (await act(actor, port, 'neutron', 'GET', `/v2.0/ports/${port.id}`))
  if (!port || seen?.status !== 200) return
  const [first] = seen.body.port.fixed_ips as readonly { subnet_id: string; ip_address: string }[]
  const subnetId = first?.subnet_id ?? subnet?.id
  if (subnetId === undefined) return
  const last = 2 + actor.dice.integer(5)
  const address = first?.ip_address.replace(/\d+$/, (now) => String((Number(now) & ~7) + last))
  await change(actor, port, address === undefined ? {} : { addresses: address }, 'neutron', `/v2.0/ports/${port.id}`, { port: { fixed_ips: [{ subnet_id: subnetId, ...(address !== undefined && { ip_address: address }) }] } })
}

const updateSubnet: Intent = async (actor) => {
  const subnet = some(actor, 'subnet')
  if (!subnet) return
  const { dice } = actor
  const path = `/v2.0/subnets/${subnet.id}`
  const wish = dice.one(['resolvers', 'routes', 'gateway'] as const)
  if (wish === 'resolvers') {
    const resolvers = [`192.0.2.${1 + dice.integer(250)}`, '192.0.2.251'].slice(dice.integer(2))
    return change(actor, subnet, { resolvers: resolvers.join(' ') }, 'neutron', path, { subnet: { dns_nameservers: resolvers } })
  }
  if (wish === 'routes') {
    const route = { destination: `10.250.${dice.integer(200)}.0/24`, nexthop: `10.251.0.${1 + dice.integer(200)}` }
    const routes = dice.happens(0.7) ? [route] : []
    return change(actor, subnet, { routes: routes.map(({ destination, nexthop }) => `${destination} by ${nexthop}`).join(' ') }, 'neutron', path, { subnet: { host_routes: routes } })
  }
  const seen = await act(actor, subnet, 'neutron', 'GET', path)
  if (seen.status !== 200) return
  const gateway = dice.happens(0.4) ? null : String(seen.body.subnet.cidr).replace(/\d+\/.*/, String(1 + dice.integer(5)))
  return change(actor, subnet, { gateway: gateway ?? 'none' }, 'neutron', path, { subnet: { gateway_ip: gateway } })
}

const createRouter: Intent = async (actor) => {
  const { dice, template } = actor
  await create(actor, 'router', 'neutron', '/v2.0/routers', {
    router: { name: `router-${dice.integer(1000)}`, ...(dice.happens(0.6) && { external_gateway_info: { network_id: template.publicNetworkId } }) },
  })
}

const changeRouter = (verb: 'add' | 'remove'): Intent => async (actor) => {
  const [router, subnet] = [some(actor, 'router'), some(actor, 'subnet')]
  if (router && subnet) await change(actor, router, { [`interface ${subnet.id}`]: verb === 'add' ? 'there' : 'gone' }, 'neutron', `/v2.0/routers/${router.id}/${verb}_router_interface`, { subnet_id: subnet.id })
}

const changeGateway: Intent = async (actor) => {
  const router = some(actor, 'router')
  if (!router) return
  const gateway = actor.dice.happens(0.6) ? { network_id: actor.template.publicNetworkId } : null
  await change(actor, router, { gateway: gateway?.network_id ?? 'none' }, 'neutron', `/v2.0/routers/${router.id}`, { router: { external_gateway_info: gateway } })
}

const createFloatingIp: Intent = async (actor) => {
  const port = actor.dice.happens(0.5) ? some(actor, 'port') : undefined
  await create(actor, 'floatingip', 'neutron', '/v2.0/floatingips', { floatingip: { floating_network_id: actor.template.publicNetworkId, ...(port && { port_id: port.id }) } })
}

const associateFloatingIp: Intent = async (actor) => {
  const [address, port] = [some(actor, 'floatingip'), some(actor, 'port')]
  if (!address) return
  const chosen = port && actor.dice.happens(0.7) ? port.id : null
  await change(actor, address, { port: chosen ?? 'none' }, 'neutron', `/v2.0/floatingips/${address.id}`, { floatingip: { port_id: chosen } })
}

const createGroup: Intent = async (actor) => {
  await create(actor, 'security-group', 'neutron', '/v2.0/security-groups', { security_group: { name: `group-${actor.dice.integer(1000)}` } })
}

const createRule: Intent = async (actor) => {
  const group = some(actor, 'security-group')
  if (!group) return
  const port = 1 + actor.dice.integer(1000)
  const other = actor.dice.happens(0.5) ? some(actor, 'security-group') : undefined
  await create(actor, 'security-group-rule', 'neutron', '/v2.0/security-group-rules', {
    security_group_rule: { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: port, port_range_max: port, ...(other && { remote_group_id: other.id }) },
  }, group.id, ...(other ? [other.id] : []))
}

const removeSome = (noun: Parameters<typeof some>[1], path: string): Intent => async (actor) => {
  const entry = some(actor, noun)
  if (entry) await remove(actor, entry, 'neutron', `/v2.0/${path}/${entry.id}`)
}

export const networkIntents: Readonly<Record<string, readonly [weight: number, Intent]>> = {
  'create a network': [6, createNetwork],
  'delete a network': [2, removeSome('network', 'networks')],
  'change a subnet': [3, updateSubnet],
  'delete a subnet': [1, removeSome('subnet', 'subnets')],
  'create a port': [5, createPort],
  'change a port': [2, updatePort],
  'move a port': [3, movePort],
  'delete a port': [3, removeSome('port', 'ports')],
  'create a router': [3, createRouter],
  'connect a subnet': [4, changeRouter('add')],
  'disconnect a subnet': [2, changeRouter('remove')],
  'change a gateway': [2, changeGateway],
  'delete a router': [2, removeSome('router', 'routers')],
  'create a floating address': [3, createFloatingIp],
  'associate a floating address': [3, associateFloatingIp],
  'delete a floating address': [2, removeSome('floatingip', 'floatingips')],
  'create a security group': [3, createGroup],
  'create a rule': [4, createRule],
  'delete a rule': [1, removeSome('security-group-rule', 'security-group-rules')],
  'delete a security group': [1, removeSome('security-group', 'security-groups')],
}
