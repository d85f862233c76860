// The DHCP server of a network: a namespace with one veth on the segment and one dnsmasq, which outlives us.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CallContext } from '#core/context'
import type { DhcpSpec, Report } from '../interface.ts'
import { mac, metadataAddress } from './addresses.ts'
import { attach, devicesIn, prunedAddressLines, removeNamespace } from './devices.ts'
import { canReload, dnsmasqArguments, dnsmasqFiles, portAddresses } from './dnsmasq-config.ts'
import type { Engine } from './engine.ts'
import { dhcpDeviceOf, tapOf, uuid } from './names.ts'
import { checkMtu } from './networks.ts'

/** What the running server was started with, to know whether it must be started anew. */
interface Started {
  readonly args: readonly string[]
  /** Every address that was ever given to a MAC address since the start: leases that it may still hold. */
  readonly owners: Readonly<Record<string, string>>
}

const waitMilliseconds = 20
const secondsToEnd = 5

export async function ensureDhcp(engine: Engine, call: CallContext, spec: DhcpSpec): Promise<Report> {
  const { privileged, names } = engine
  const netns = names.dhcpNamespace(spec.networkId)
  const directory = directoryOf(engine, spec.networkId)
  const files = dnsmasqFiles(spec)
  const args = dnsmasqArguments(spec, directory)
  const device = dhcpDeviceOf(spec.port.id)
  const mtu = checkMtu(spec.mtu)
  const addresses = [...portAddresses(spec), ...(spec.metadata ? [`${metadataAddress}/32`] : [])]

  await privileged.netnsAdd(netns)
  const [present] = await Promise.all([
    devicesIn(privileged, netns),
    privileged.sysctl({ 'net/ipv6/conf/all/disable_ipv6': '1', 'net/ipv6/conf/default/disable_ipv6': '1' }, { netns }),
  ])
  await attach(engine, netns, present, [{ tap: tapOf(spec.port.id), device, mtu, networkId: spec.networkId }])
  const gateway = spec.subnets.find((subnet) => subnet.enableDhcp && subnet.ipVersion === 4 && subnet.gatewayAddress !== null)?.gatewayAddress
  await privileged.ip([
    'link set lo up', `link set ${device} address ${mac(spec.port.macAddress)} mtu ${mtu} up`,
    ...prunedAddressLines(present, { [device]: addresses }),
    ...addresses.map((address) => `addr replace ${address} dev ${device}`),
    ...(gateway ? [`route replace default via ${gateway} dev ${device} onlink`] : []),
  ], { netns })

  await mkdir(directory, { recursive: true, mode: 0o755 })
  const hostsBefore = await readFile(join(directory, 'hosts'), 'utf8').catch(() => '')
  let changed = false
  for (const part of ['hosts', 'options', 'names'] as const) {
    changed = await writeChanged(join(directory, part), files[part]) || changed
  }
  const before = await readStarted(directory)
  const alive = (await privileged.daemons('dnsmasq')).has(spec.networkId)
  // dnsmasq keeps a lease for its old owner and refuses the address to a new one; a fresh start has no leases.
  const handedOver = Object.entries(files.owners).some(([address, owner]) => (before?.owners[address] ?? owner) !== owner)
  const same = alive && !handedOver && (!changed || canReload(hostsBefore)) && JSON.stringify(before?.args) === JSON.stringify(args)
  if (same) {
    if (changed) await privileged.signalDaemon('dnsmasq', spec.networkId, 'SIGHUP')
    await writeStarted(directory, { args, owners: { ...before?.owners, ...files.owners } })
    return { problems: files.problems }
  }
  if (alive) await stop(engine, call, spec.networkId)
  if (args.some((arg) => arg.startsWith('--dhcp-range='))) {
    await writeStarted(directory, { args, owners: files.owners })
    await privileged.startDaemon({ kind: 'dnsmasq', id: spec.networkId, args, netns, outputFile: join(directory, 'log') })
  } else await rm(join(directory, 'started.json'), { force: true })
  return { problems: files.problems }
}

export async function removeDhcp(engine: Engine, call: CallContext, networkId: string): Promise<void> {
  const { privileged, names } = engine
  await stop(engine, call, uuid(networkId))
  await removeNamespace(privileged, names.dhcpNamespace(networkId))
  await rm(directoryOf(engine, networkId), { recursive: true, force: true })
}

/** Servers that were started here, were not removed, and do not live. */
export async function deadDhcp(engine: Engine): Promise<readonly string[]> {
  const known = await readdir(join(engine.options.dataDirectory, 'dhcp')).catch(() => [])
  if (known.length === 0) return []
  const isDead = async (networkId: string) => !(await engine.privileged.daemons('dnsmasq')).has(networkId) && (await readStarted(directoryOf(engine, networkId))) !== undefined
  const living = await engine.privileged.daemons('dnsmasq')
  const dead: string[] = []
  // Asked again when nobody is about to start or to end it.
  for (const networkId of known) if (!living.has(networkId) && (await engine.inTurn(`dhcp ${networkId}`, () => isDead(networkId)))) dead.push(networkId)
  return dead
}

/** Removing all: files of servers that are gone with their namespaces. */
export async function removeDhcpFiles(engine: Engine): Promise<void> {
  await rm(join(engine.options.dataDirectory, 'dhcp'), { recursive: true, force: true })
}

const directoryOf = (engine: Engine, networkId: string) => join(engine.options.dataDirectory, 'dhcp', uuid(networkId))

async function stop({ privileged, options }: Engine, call: CallContext, networkId: string): Promise<void> {
  if (!(await privileged.signalDaemon('dnsmasq', networkId, 'SIGTERM'))) return
  const turns = (secondsToEnd * 1000) / waitMilliseconds
  for (let turn = 0; turn < turns; turn += 1) {
    if (!(await privileged.daemons('dnsmasq')).has(networkId)) return
    await options.clock.sleep(waitMilliseconds, call.signal)
  }
  call.log.warn({ networkId }, 'dnsmasq did not end when asked; it is killed')
  await privileged.signalDaemon('dnsmasq', networkId, 'SIGKILL')
}

/** Write a file as a whole, so that dnsmasq never reads half of it. @returns whether it said something else before */
async function writeChanged(path: string, content: string): Promise<boolean> {
  const before = await readFile(path, 'utf8').catch(() => undefined)
  if (before === content) return false
  await writeFile(`${path}.new`, content, { mode: 0o644 })
  await rename(`${path}.new`, path)
  return true
}

async function readStarted(directory: string): Promise<Started | undefined> {
  const text = await readFile(join(directory, 'started.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : JSON.parse(text) as Started
}

const writeStarted = (directory: string, started: Started) => writeChanged(join(directory, 'started.json'), JSON.stringify(started))
