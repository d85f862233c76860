// The body of a create request as the domain takes it. What the schema cannot say is checked here, in upstream's words.
import { isIP } from 'node:net'
import type { RequestContext } from '#core/context'
import { BadRequest } from '#core/errors'
import type { Version } from '#core/spec'
import type { NewServers, WantedDevice, WantedNetwork } from '../../domain/servers/create/request.ts'
import { requireRule } from '../../domain/authorize.ts'
import type { Nova } from '../../domain/nova.ts'
import { shortestIpv6 } from '../../model/addresses.ts'
import { isSwap } from '../../model/block-devices.ts'
import type { InjectedFile, SchedulerHints } from '../../model/server.ts'
import { toBoolean } from '../values.ts'

type Body = Readonly<Record<string, unknown>>

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const uuid = /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/

/** @throws BadRequest, Forbidden */
export function readNewServer(nova: Nova, ctx: RequestContext, body: Body, version: Version, hints: Body = {}): NewServers {
  const target = { project_id: ctx.identity.projectId, user_id: ctx.identity.userId }
  const allow = (rule: string) => requireRule(nova, ctx, rule, target)
  const imageId = text(body['imageRef'])?.toLowerCase() ?? ''
  const named = readDevices(body, imageId)
  if (named.length > 0) allow('os_compute_api:servers:create:attach_volume')
  if (imageId === '' && named.length === 0) throw new BadRequest('Missing imageRef attribute')
  const devices = [...imageDisk(body, imageId, named), ...named]
  const networks = readNetworks(body['networks'])
  if (Array.isArray(networks) ? networks.length > 0 : networks === 'auto') allow('os_compute_api:servers:create:attach_network')
  const minCount = Number(body['min_count'] ?? 1)
  const maxCount = Number(body['max_count'] ?? minCount)
  if (minCount > maxCount) throw new BadRequest('min_count must be <= max_count')
  const name = (body['name'] as string).trim()
  const hostname = text(body['hostname'])
  if (hostname !== undefined && maxCount > 1) throw new BadRequest('Unable to allocate a single hostname to multiple instances')
  const trusted = body['trusted_image_certificates'] as string[] | null | undefined
  if (trusted && trusted.length > 0) allow('os_compute_api:servers:create:trusted_certs')
  const accessIpV4 = text(body['accessIPv4'])
  const givenIpV6 = text(body['accessIPv6'])
  const accessIpV6 = givenIpV6 === undefined ? undefined : shortestIpv6(givenIpV6, 'accessIPv6')
  const keyName = text(body['key_name'])
  const [groupId] = texts(hints['group'])
  const placed = readHints(hints)
  return {
    name, description: version.atLeast('2.19') ? (text(body['description']) ?? null) : name, imageId, flavorId: String(body['flavorRef']).split('/').at(-1) ?? '', networks, devices,
    userData: readUserData(text(body['user_data'])), securityGroups: readGroups(body['security_groups']), minCount, maxCount,
    configDrive: body['config_drive'] !== undefined && toBoolean(body['config_drive'] as string), metadata: (body['metadata'] as Record<string, string> | undefined) ?? {},
    files: readFiles(body['personality']),
    tags: [...new Set((body['tags'] as string[] | undefined) ?? [])].sort(), autoDiskConfig: body['OS-DCF:diskConfig'] === 'AUTO', ...readPlace(nova, ctx, body, allow),
    ...(groupId !== undefined && { groupId }), ...(placed && { hints: placed }), ...(hostname !== undefined && { hostname }), ...(keyName !== undefined && { keyName }), ...(accessIpV4 !== undefined && { accessIpV4 }),
    ...(accessIpV6 !== undefined && { accessIpV6 }), ...(trusted && { trustedCertificates: trusted }),
  }
}

const texts = (value: unknown): string[] => [value].flat().flatMap((each) => text(each) ?? [])

function readHints(hints: Body): SchedulerHints | undefined {
  const [sameHost, differentHost] = [texts(hints['same_host']), texts(hints['different_host'])].map((ids) => ids.map((id) => id.toLowerCase())) as [string[], string[]]
  const [nearIp, cidr, query] = [text(hints['build_near_host_ip']), text(hints['cidr']), hints['query']]
  if (nearIp !== undefined && isIP(nearIp) === 0) throw new BadRequest(`Invalid input for field/attribute build_near_host_ip. Value: ${nearIp}. '${nearIp}' is not an IP address`)
  const read: SchedulerHints = {
    ...(sameHost.length > 0 && { sameHost }), ...(differentHost.length > 0 && { differentHost }), ...(nearIp !== undefined && { nearIp }), ...(cidr !== undefined && { cidr }),
    ...(query !== undefined && { query: typeof query === 'string' ? query : JSON.stringify(query) }),
  }
  return Object.keys(read).length === 0 ? undefined : read
}

const isBase64 = (compact: string) => compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact)

function readUserData(value: string | undefined): string | null {
  if (value === undefined) return null
  const compact = value.replaceAll(/\s/g, '')
  if (!isBase64(compact)) throw new BadRequest('Invalid input for field/attribute user_data. It is not base64.')
  return value
}

function readFiles(value: unknown): InjectedFile[] {
  return ((value as Body[] | undefined) ?? []).map((each) => {
    const [path, contents] = [text(each['path']) ?? '', (text(each['contents']) ?? '').replaceAll(/\s/g, '')]
    if (!isBase64(contents)) throw new BadRequest('Invalid input for field/attribute contents. It is not base64.')
    return { path, contents }
  })
}

function readGroups(value: unknown): string[] {
  return [...new Set(((value as { name?: string }[] | undefined) ?? []).flatMap(({ name }) => name ?? []))]
}

function readNetworks(value: unknown): NewServers['networks'] {
  if (value === undefined) return 'default'
  if (value === 'auto' || value === 'none') return value
  const ports = new Set<string>()
  return (value as Body[]).map((each): WantedNetwork => {
    const [portId, networkId, fixedIp, tag] = [text(each['port']), text(each['uuid']), text(each['fixed_ip']), text(each['tag'])]
    if (fixedIp !== undefined && isIP(fixedIp) === 0) throw new BadRequest(`Invalid input for field/attribute fixed_ip. Value: ${fixedIp}. '${fixedIp}' is not an IP address`)
    const tagged = tag === undefined ? {} : { tag }
    if (portId !== undefined) {
      if (ports.has(portId)) throw new BadRequest(`Port ID '${portId}' was specified twice: you cannot attach a port multiple times.`)
      ports.add(portId)
      if (fixedIp !== undefined) throw new BadRequest(`Specified Fixed IP '${fixedIp}' cannot be used with port '${portId}': the two cannot be specified together.`)
      return { portId, ...tagged }
    }
    if (networkId === undefined) throw new BadRequest("Bad network format: missing 'uuid'")
    if (!uuid.test(networkId)) throw new BadRequest(`Bad networks format: network uuid is not in proper format (${networkId.slice(0, 80)})`)
    return { networkId, ...tagged, ...(fixedIp !== undefined && { fixedIp }) }
  })
}

/** `zone`, `zone:host`, `zone:host:node` and `zone::node`; and host and hypervisor by name from 2.74 on. */
function readPlace(nova: Nova, ctx: RequestContext, body: Body, allow: (rule: string) => void): Pick<NewServers, 'zone' | 'forcedHost' | 'forcedNode' | 'wished'> {
  const parts = text(body['availability_zone'])?.split(':') ?? []
  if (parts.length > 3) throw new BadRequest('Unable to parse availability_zone')
  const [zone, zoneHost, zoneNode] = parts
  const [host, node] = [text(body['host']), text(body['hypervisor_hostname'])]
  if (zoneHost || zoneNode) allow('os_compute_api:servers:create:forced_host')
  if (host !== undefined || node !== undefined) {
    allow('compute:servers:create:requested_destination')
    if (zoneHost || zoneNode) throw new BadRequest('One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are mutually exclusive.')
  }
  const forcedHost = zoneHost || host
  const forcedNode = zoneNode || node
  // The host decides on the zone then.
  const asked = forcedHost === undefined && forcedNode === undefined ? zone : undefined
  const wished = host !== undefined || node !== undefined
  return { ...(wished && { wished }), ...(asked ? { zone: asked } : {}), ...(forcedHost ? { forcedHost } : {}), ...(forcedNode ? { forcedNode } : {}) }
}

function readDevices(body: Body, imageId: string): WantedDevice[] {
  const legacy = (body['block_device_mapping'] as Body[] | undefined) ?? []
  const modern = (body['block_device_mapping_v2'] as Body[] | undefined) ?? []
  if (legacy.length > 0 && modern.length > 0) throw new BadRequest('Using different block_device_mapping syntaxes is not allowed in the same request.')
  if (legacy.length > 0) return legacy.map(readLegacyDevice)
  const devices = modern.filter(({ no_device: none }) => none === undefined || none === null || none === false || none === '').map((each) => readDevice(each, imageId))
  if (imageId !== '' && devices.some(({ destination, deviceName }) => destination === 'volume' && deviceName === rootDevice)) {
    throw new BadRequest('The volume cannot be assigned the same device name as the root device vda')
  }
  return devices
}

/** What the request boots from unless it names its disks itself, in the newer form all of them, or a root disk in the old one. */
function imageDisk(body: Body, imageId: string, named: readonly WantedDevice[]): WantedDevice[] {
  const all = ((body['block_device_mapping_v2'] as Body[] | undefined) ?? []).length > 0
  if (imageId === '' || all || named.some(({ bootIndex }) => bootIndex === 0)) return []
  return [{ source: 'image', destination: 'local', id: imageId, bootIndex: 0, deleteOnTermination: true }]
}

const rootDevice = '/dev/vda'

const invalid = (details: string) => new BadRequest(`Block Device Mapping is Invalid: ${details}`)

function common(each: Body) {
  const [deviceName, tag] = [text(each['device_name']), text(each['tag'])]
  return {
    ...(tag !== undefined && { tag }),
    ...(deviceName !== undefined && { deviceName: deviceName.startsWith('/dev/') ? deviceName : `/dev/${deviceName}` }),
  }
}

/** Swap space is asked for in MiB, all else in GiB. */
function sizeOf({ volume_size: size }: Body, unit: 'MiB' | 'GiB') {
  return size === undefined || size === null || size === '' ? {} : { [`size${unit}` as const]: Number(size) }
}

/** The old form: volumes only; `vda` is the disk to boot from, even beside an image. */
function readLegacyDevice(each: Body): WantedDevice {
  const volumeId = text(each['volume_id'])
  const snapshotId = text(each['snapshot_id'])
  if (volumeId === undefined && snapshotId === undefined) throw invalid('It names neither a volume nor a snapshot.')
  const named = common(each)
  return {
    source: volumeId !== undefined ? 'volume' : 'snapshot', destination: 'volume', id: volumeId ?? snapshotId ?? '', bootIndex: named.deviceName === rootDevice ? 0 : -1,
    deleteOnTermination: each['delete_on_termination'] !== undefined && toBoolean(each['delete_on_termination'] as string), ...named, ...sizeOf(each, 'GiB'),
  }
}

function readDevice(each: Body, imageId: string): WantedDevice {
  const byKind = { volume: text(each['volume_id']), image: text(each['image_id']), snapshot: text(each['snapshot_id']), blank: undefined }
  const source = (text(each['source_type']) ?? (['volume', 'image', 'snapshot'] as const).find((kind) => byKind[kind] !== undefined)) as WantedDevice['source'] | undefined
  if (source === undefined) throw invalid('The source_type is not known.')
  const id = text(each['uuid']) ?? byKind[source]
  if (source !== 'blank' && id === undefined) throw invalid('Missing device UUID.')
  if (source === 'blank' && id !== undefined) throw invalid('Blank volumes have no device UUID.')
  const destination = (text(each['destination_type']) ?? (source === 'image' || source === 'blank' ? 'local' : 'volume')) as WantedDevice['destination']
  const boot = each['boot_index']
  const bootIndex = boot === undefined || boot === null ? undefined : Number(boot)
  if (source === 'image' && destination === 'local' && imageId === '' && bootIndex === 0) throw new BadRequest('Missing imageRef attribute')
  const [guestFormat, deviceType, bus, volumeType] = [text(each['guest_format']), text(each['device_type']), text(each['disk_bus']), text(each['volume_type'])]
  return {
    source, destination, deleteOnTermination: each['delete_on_termination'] === undefined ? destination === 'local' : toBoolean(each['delete_on_termination'] as string),
    ...common(each), ...sizeOf(each, isSwap({ source, destination, ...(guestFormat !== undefined && { guestFormat }) }) ? 'MiB' : 'GiB'), ...(id !== undefined && { id }), ...(bootIndex !== undefined && { bootIndex }), ...(guestFormat !== undefined && { guestFormat }),
    ...(deviceType !== undefined && { deviceType }), ...(bus !== undefined && { bus }), ...(volumeType !== undefined && { volumeType }),
  }
}
