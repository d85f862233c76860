// What a server may learn about itself, as files by path: the same for the config drive and the metadata service, in
// OpenStack's form and in that of EC2 (nova/api/metadata/base.py).
import type { BlockDevice, ServerDescription } from './server.ts'

export interface SubnetFacts {
  readonly id: string
  readonly cidr: string
  readonly version: 4 | 6
  readonly gateway: string | null
  readonly dhcp: boolean
  readonly nameServers: readonly string[]
  readonly routes: readonly { readonly destination: string; readonly nexthop: string }[]
}

export interface MetadataFacts {
  readonly server: ServerDescription
  readonly subnets: readonly SubnetFacts[]
  readonly securityGroupNames: readonly string[]
  readonly domain: string
  /** Base64, new each time. */
  readonly randomSeed: string
}

const dated = ['2012-08-10', '2013-04-04', '2013-10-17', '2015-10-15', '2016-06-30', '2016-10-06', '2017-02-22', '2018-08-27', '2020-10-14'] as const
export const openstackVersions = [...dated, 'latest'] as const
export const ec2Versions = ['1.0', '2007-01-19', '2007-03-01', '2007-08-29', '2007-10-10', '2007-12-15', '2008-02-01', '2008-09-01', '2009-04-04', 'latest'] as const

const since = (version: string, first: (typeof dated | typeof ec2Versions)[number]) => version === 'latest' || version >= first

function fullName({ server, domain }: MetadataFacts): string {
  return domain === '' ? server.hostname : `${server.hostname}.${domain}`
}

function maskOf(prefix: number): string {
  const bits = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
}

function netmask({ cidr, version }: Pick<SubnetFacts, 'cidr' | 'version'>): string {
  const prefix = Number(cidr.split('/')[1])
  if (version === 4) return maskOf(prefix)
  const groups = Array.from({ length: 8 }, (_each, at) => Math.max(0, Math.min(16, prefix - at * 16)))
  return groups.map((bits) => (bits === 0 ? '0' : ((0xffff << (16 - bits)) & 0xffff).toString(16))).join(':').replace(/(:0)+$/, '::')
}

function routesOf(subnet: SubnetFacts) {
  const anywhere = subnet.version === 4 ? { network: '0.0.0.0', netmask: '0.0.0.0' } : { network: '::', netmask: '::' }
  const routes = subnet.gateway === null ? [] : [{ ...anywhere, gateway: subnet.gateway }]
  return [...routes, ...subnet.routes.map(({ destination, nexthop }) => ({
    network: destination.split('/')[0] ?? '', netmask: netmask({ cidr: destination, version: destination.includes(':') ? 6 : 4 }), gateway: nexthop,
  }))]
}

export function networkData({ server, subnets }: MetadataFacts): unknown {
  const byId = new Map(subnets.map((subnet) => [subnet.id, subnet]))
  const dns = (addresses: readonly string[]) => addresses.map((address) => ({ type: 'dns', address }))
  let count = 0
  const networks = server.ports.flatMap((port) => port.addresses.flatMap(({ address, subnetId }) => {
    const subnet = byId.get(subnetId)
    if (!subnet) return []
    const common = { id: `network${count++}`, link: port.tap, network_id: port.networkId }
    if (subnet.dhcp && subnet.version === 4) return [{ ...common, type: 'ipv4_dhcp' }]
    return [{ ...common, type: `ipv${subnet.version}`, ip_address: address, netmask: netmask(subnet), routes: routesOf(subnet), services: dns(subnet.nameServers) }]
  }))
  return {
    links: server.ports.map((port) => ({ id: port.tap, vif_id: port.portId, type: 'bridge', mtu: port.mtu, ethernet_mac_address: port.macAddress })),
    networks,
    services: dns([...new Set(subnets.flatMap(({ nameServers }) => nameServers))]),
  }
}

function taggedDevices({ server }: MetadataFacts): unknown[] {
  const disk = (device: BlockDevice) => ({ type: 'disk', bus: 'none', serial: device.volumeId ?? device.id, tags: [device.tag], ...(device.deviceName !== undefined && { path: device.deviceName }) })
  return [
    ...server.ports.filter(({ tag }) => tag !== undefined).map((port) => ({ type: 'nic', bus: 'none', mac: port.macAddress, tags: [port.tag] })),
    ...server.blockDevices.filter(({ tag }) => tag !== undefined).map(disk),
  ]
}

const contentName = (at: number) => String(at).padStart(4, '0')

/** What `files` of the metadata leads to: `openstack/content/0000` … */
export function contentFiles({ files = [] }: ServerDescription): ReadonlyMap<string, Buffer> {
  return new Map(files.map(({ contents }, at) => [contentName(at), Buffer.from(contents, 'base64')]))
}

export function metaData(facts: MetadataFacts, version: string): unknown {
  const { server } = facts
  return {
    uuid: server.serverId,
    ...(Object.keys(server.metadata).length > 0 && { meta: server.metadata }),
    ...(server.files && { files: server.files.map(({ path }, at) => ({ path, content_path: `/content/${contentName(at)}` })) }),
    ...(server.key && { public_keys: { [server.key.name]: server.key.publicKey }, keys: [{ name: server.key.name, type: server.key.type, data: server.key.publicKey }] }),
    hostname: fullName(facts), name: server.name, launch_index: server.launchIndex, availability_zone: server.zone ?? '',
    ...(since(version, '2013-04-04') && { random_seed: facts.randomSeed }),
    ...(since(version, '2015-10-15') && { project_id: server.projectId }),
    ...(since(version, '2016-06-30') && { devices: taggedDevices(facts) }),
    ...(since(version, '2020-10-14') && { dedicated_cpus: [] }),
  }
}

/** `openstack/<version>/…`, small files as text. User data is base64, as it was given. */
export function openstackFiles(facts: MetadataFacts, version: string): ReadonlyMap<string, Buffer> {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))
  const files = new Map<string, Buffer>([['meta_data.json', json(metaData(facts, version))]])
  if (facts.server.userData !== null) files.set('user_data', Buffer.from(facts.server.userData, 'base64'))
  if (since(version, '2013-10-17')) files.set('vendor_data.json', json({}))
  if (since(version, '2015-10-15')) files.set('network_data.json', json(networkData(facts)))
  if (since(version, '2016-10-06')) files.set('vendor_data2.json', json({}))
  return files
}

export type Leaf = string | number | readonly string[]
export type Tree = { readonly [name: string]: Leaf | Tree }

export const isTree = (value: Leaf | Tree | undefined): value is Tree => typeof value === 'object' && !Array.isArray(value)

/** EC2's meta-data as a tree, with what its version had. */
export function ec2MetaData(facts: MetadataFacts, version: string): Tree {
  const { server } = facts
  const addresses = server.ports.flatMap((port) => port.addresses)
  const fixed = addresses.find(({ version }) => version === 4)?.address ?? ''
  const floating = addresses.flatMap((each) => each.floating)[0] ?? ''
  const root = server.rootDeviceName ?? '/dev/vda'
  const number = (server.number ?? 0).toString(16).padStart(8, '0')
  return {
    // There is no manifest; the word for it is the one that guests see from nova (nova/api/metadata/base.py).
    'ami-id': server.imageId === '' ? 'None' : server.imageId, 'ami-launch-index': server.launchIndex, 'ami-manifest-path': 'FIXME',
    hostname: fullName(facts), 'instance-id': `i-${number}`, 'local-ipv4': fixed, 'reservation-id': server.reservationId, 'security-groups': facts.securityGroupNames,
    ...(server.key && { 'public-keys': { 0: { 'openssh-key': `${server.key.publicKey.trimEnd()}\n` } } }),
    ...(since(version, '2007-01-19') && { 'local-hostname': fullName(facts), 'public-hostname': fullName(facts), 'public-ipv4': floating }),
    ...(since(version, '2007-08-29') && { 'instance-type': server.flavor.name }),
    ...(since(version, '2007-12-15') && { 'block-device-mapping': { ami: root.replace('/dev/', ''), root } }),
    ...(since(version, '2008-02-01') && { placement: { 'availability-zone': server.zone ?? '' } }),
    ...(since(version, '2008-09-01') && { 'instance-action': 'none' }),
  }
}

/** All files of a config drive, base64 by path. */
export function configDrive(facts: MetadataFacts): Record<string, string> {
  const files: Record<string, string> = {}
  for (const version of openstackVersions) {
    for (const [name, content] of openstackFiles(facts, version)) files[`openstack/${version}/${name}`] = content.toString('base64')
  }
  for (const [name, content] of contentFiles(facts.server)) files[`openstack/content/${name}`] = content.toString('base64')
  for (const version of ['2009-04-04', 'latest']) {
    files[`ec2/${version}/meta-data.json`] = Buffer.from(JSON.stringify(ec2MetaData(facts, version))).toString('base64')
    if (facts.server.userData !== null) files[`ec2/${version}/user-data`] = Buffer.from(facts.server.userData, 'base64').toString('base64')
  }
  return files
}
