// Ports and security groups on the fabric: the device, its place on the bridge, and its filter, one atomic change each.
import { CommandFailed } from '#core/process'
import {
  type AddressSetSpec, BadSpecification, NetworkAbsent, type PluggedPort, type PortSpec, type Problem, type Report,
  type SecurityGroupSpec,
} from '../interface.ts'
import { mac } from './addresses.ts'
import type { Engine } from './engine.ts'
import { bridgeOf, tapOf, uuid } from './names.ts'
import { checkMtu } from './networks.ts'
import { compileClosedPort, compilePort, compilePortRemoval } from './port-filter.ts'
import {
  compileAddressSet, compileAddressSetRemoval, compileClosedGroup, compileGroupRemoval, compileSecurityGroup,
} from './security-groups.ts'

export async function plugPort(engine: Engine, spec: PortSpec): Promise<PluggedPort> {
  const { privileged, names, options } = engine
  const device = tapOf(spec.id)
  const bridge = bridgeOf(spec.networkId)
  const mtu = checkMtu(spec.mtu)
  mac(spec.macAddress)
  const where = { netns: names.fabric }
  const isNew = (await engine.portNumbers.find(uuid(spec.id))) === undefined
  // The filter comes before the wire: no packet passes without it.
  const problems = spec.portSecurityEnabled ? await filterPort(engine, spec) : await unfilterPort(engine, spec.id)
  const lines = spec.device === 'tap' ? [`tuntap add dev ${device} mode tap user ${options.qemuUid}`] : []
  if (spec.device !== 'tap' && spec.device !== 'given') throw new BadSpecification(`Unknown kind of device: ${String(spec.device)}`)
  lines.push(`link set ${device} mtu ${mtu} master ${bridge}`, `link set ${device} ${spec.adminStateUp ? 'up' : 'down'}`)
  try {
    await privileged.ip(lines, { ...where, tolerate: ['exists'] })
  } catch (error) {
    if (isNew && spec.device === 'tap') await unplugPort(engine, spec.id)
    if (!(error instanceof CommandFailed) || !/does not exist|Cannot find device|Invalid argument/.test(error.stderr)) throw error
    throw new NetworkAbsent(`The network ${spec.networkId} or the device of port ${spec.id} is not on this host.`, { portId: spec.id }, error)
  }
  return { device, netns: names.fabric, problems }
}

export async function unplugPort(engine: Engine, portId: string): Promise<void> {
  const { privileged, names } = engine
  await privileged.ip([`link del ${tapOf(portId)}`], { netns: names.fabric, tolerate: ['absent'] })
  // The device has the first part of the id; the filter has the whole of it.
  for (const id of await engine.portNumbers.starting(portId)) await unfilterPort(engine, id)
}

async function filterPort({ privileged, names, portNumbers }: Engine, spec: PortSpec): Promise<readonly Problem[]> {
  const number = await portNumbers.of(uuid(spec.id))
  const { commands, problems } = compilePort(spec, number)
  try {
    await privileged.nft(commands, { netns: names.fabric })
    return problems
  } catch (error) {
    // Whatever the kernel disliked concerns this port alone; it must not stay open, nor stop the others.
    await privileged.nft(compileClosedPort(spec.id, number), { netns: names.fabric })
    return [...problems, { subject: spec.id, message: (error as Error).message }]
  }
}

async function unfilterPort({ privileged, names, portNumbers }: Engine, portId: string): Promise<readonly Problem[]> {
  const number = await portNumbers.find(uuid(portId))
  if (number === undefined) return []
  await privileged.nft(compilePortRemoval(portId, number), { netns: names.fabric })
  portNumbers.free(portId)
  return []
}

export async function ensureSecurityGroup({ privileged, names }: Engine, spec: SecurityGroupSpec): Promise<Report> {
  const { commands, problems } = compileSecurityGroup(spec)
  try {
    await privileged.nft(commands, { netns: names.fabric })
    return { problems }
  } catch (error) {
    await privileged.nft(compileClosedGroup(spec.id), { netns: names.fabric })
    return { problems: [...problems, { subject: spec.id, message: (error as Error).message }] }
  }
}

export async function removeSecurityGroup({ privileged, names }: Engine, id: string): Promise<void> {
  await privileged.nft(compileGroupRemoval(id), { netns: names.fabric })
}

export async function ensureAddressSet({ privileged, names }: Engine, spec: AddressSetSpec): Promise<Report> {
  const { commands, problems } = compileAddressSet(spec)
  await privileged.nft(commands, { netns: names.fabric })
  return { problems }
}

export async function removeAddressSet({ privileged, names }: Engine, id: string): Promise<void> {
  await privileged.nft(compileAddressSetRemoval(id), { netns: names.fabric })
}
