// A small laboratory on the real kernel: a fabric with a prefix of its own, guests as namespaces with one veth each.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type CallContext, systemClock } from '#core/context'
import { createProcessRunner, type StartedHelper, startHelper } from '#core/process'
import { silentLog } from '../../../../core/observe/log.ts'
import type { FabricSpec, NetworkDriver, PortSpec, SecurityGroupRuleSpec } from '../interface.ts'
import { create } from '../linuxbridge/index.ts'

/** An examination that compares nothing with a specification. */
export const unspecified = { networks: [], dhcp: [], routers: [] }
export const needsRoot = process.getuid?.() === 0 ? {} : { skip: 'needs root: namespaces, bridges and nftables' }
export const runner = createProcessRunner()
export const call: CallContext = { signal: new AbortController().signal, epoch: 1, log: silentLog }

/** An id that is different in its first eleven characters for each number. */
export const id = (number: number) => `${number.toString(16).padStart(8, '0')}-00${number.toString(16).slice(-2).padStart(2, '0')}-4000-8000-000000000000`
export const macOf = (number: number) => `fa:16:3e:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}`

export interface Lab {
  readonly driver: NetworkDriver
  readonly helper: StartedHelper
  readonly prefix: string
  readonly dataDirectory: string
  /** Another driver on the same kernel state, as after a restart. */
  restarted(): NetworkDriver
  /** A namespace with eth0, its other end in the fabric under the name of the port's tap. */
  guest(port: PortSpec, addresses?: readonly string[], gateway?: string): Promise<Guest>
  run(netns: string, file: string, ...args: string[]): Promise<string>
}

export interface Guest {
  readonly netns: string
  run(file: string, ...args: string[]): Promise<string>
  ip(...lines: string[]): Promise<void>
  /** Whether an echo is answered. */
  pings(address: string, ...options: string[]): Promise<boolean>
  /** A server in the guest that answers each connection with a word and closes. */
  serve(address: string, port: number, word: string): Promise<Server>
  /** What a server at that address says, or undefined when none answers. */
  fetch(address: string, port: number): Promise<string | undefined>
}

let labs = 0

/** Labs that shall be told apart on the host have numbers, and with them link addresses. */
export async function startLab(t: TestContext, fabric?: FabricSpec, number = 1): Promise<Lab> {
  labs += 1
  const prefix = `t${(process.pid % 36 ** 4).toString(36)}${labs}`
  const dataDirectory = mkdtempSync(join(tmpdir(), 'fabric-'))
  chmodSync(dataDirectory, 0o755)
  const helper = await startHelper({
    prefix, dataDirectory, ownUser: { uid: 65534, gid: 65534, name: 'nobody' }, qemuUser: { uid: 64123, gid: 64123 },
  })
  const restarted = () => create({ privileged: helper, clock: systemClock, prefix, dataDirectory, qemuUid: 64123, linkAddresses: { host: `198.18.0.${2 * number - 1}`, fabric: `198.18.0.${2 * number}` } })
  const driver = restarted()
  t.after(async () => {
    await driver.close()
    await driver.removeFabric(call)
    for (const name of await helper.netnsList()) await helper.netnsDelete(name)
    await helper.close()
    rmSync(dataDirectory, { recursive: true, force: true })
  })
  await driver.ensureFabric(call, fabric ?? { externalNetworks: [] })

  const run = async (netns: string, file: string, ...args: string[]) =>
    (await runner.run('/usr/bin/nsenter', [`--net=/run/netns/${netns}`, '--', file, ...args], { timeoutSeconds: 15 })).stdout

  async function guest(port: PortSpec, addresses: readonly string[] = [], gateway?: string): Promise<Guest> {
    const netns = `${prefix}-g${port.id.slice(0, 8)}`
    const tap = `tap${port.id.slice(0, 11)}`
    await helper.netnsAdd(netns)
    await helper.ip([`link add ${tap} type veth peer name eth0 netns ${netns}`], { netns: `${prefix}-fabric` })
    const guestLines = [
      'link set lo up', `link set eth0 address ${port.macAddress} up`, ...addresses.map((address) => `addr add ${address} dev eth0`),
      ...(gateway ? [`route add default via ${gateway}`] : []),
    ]
    await helper.ip(guestLines, { netns })
    await driver.plugPort(call, port)
    const succeeds = (running: Promise<unknown>) => running.then(() => true, () => false)
    return {
      netns,
      run: (file, ...args) => run(netns, file, ...args),
      ip: (...lines) => helper.ip(lines, { netns }),
      pings: (address, ...options) => succeeds(run(netns, '/usr/bin/ping', '-n', '-c', '2', '-i', '0.2', '-W', '0.7', ...options, address)),
      async serve(address, port, word) {
        const server = await helper.listen({ netns, address, port })
        server.on('connection', (socket) => {
          socket.on('error', () => {})
          socket.end(word)
        })
        t.after(() => server.close())
        return server
      },
      async fetch(address, port) {
        const said = await run(netns, '/usr/bin/busybox', 'nc', '-w', '1', address, String(port)).catch(() => undefined)
        return said === '' ? undefined : said
      },
    }
  }
  return { driver, helper, prefix, dataDirectory, restarted, guest, run }
}

export function port(number: number, networkId: string, address: string, changes: Partial<PortSpec> = {}): PortSpec {
  return {
    id: id(number), networkId, macAddress: macOf(number), mtu: 1450, adminStateUp: true, device: 'given', fixedAddresses: [address],
    portSecurityEnabled: true, allowedAddressPairs: [], securityGroupIds: [], ...changes,
  }
}

let rules = 0
export function rule(direction: 'ingress' | 'egress', changes: Partial<SecurityGroupRuleSpec> = {}): SecurityGroupRuleSpec {
  rules += 1
  return {
    id: id(0x70000 + rules), direction, etherType: 'IPv4', protocol: null, portRangeMin: null, portRangeMax: null,
    remoteIpPrefix: null, remoteAddressSetId: null, ...changes,
  }
}
