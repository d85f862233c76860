// The same on the real kernel: a network with DHCP, a router with its gateway and a port, from the API to the packets.
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { readText } from '#core/http'
import { silentLog } from '#core/observe'
import { createProcessRunner, startHelper } from '#core/process'
import { startCloud } from '../../../app/cloud.ts'
import { defaultPorts } from '../../../app/settings.ts'
import { engineForTests } from '../host/agent.ts'
import { until } from './lab.ts'

const needsRoot = process.getuid?.() === 0 ? {} : { skip: 'needs root: namespaces, bridges and nftables' }
const prefix = `n${(process.pid % 36 ** 4).toString(36)}`
const cidr = '198.51.100.0/24'

test('a network, its DHCP, a router to the outside and a port stand on the kernel, and go with their rows', needsRoot, async (t) => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'neutron-'))
  chmodSync(dataDirectory, 0o755)
  const processes = createProcessRunner()
  const helper = await startHelper({ prefix, dataDirectory, ownUser: { uid: 65534, gid: 65534, name: 'nobody' }, qemuUser: { uid: 64123, gid: 64123 } })
  const link = { host: '198.18.0.101', fabric: '198.18.0.102' }
  const cloud = await startCloud({
    dataDirectory, processes, privileged: helper, machine: { prefix, qemuUid: 64123, link }, checkReplies: true, only: ['keystone', 'neutron'],
    settings: { prefix, driver: 'real', address: '127.0.0.1', publicCidr: cidr, host: 'host-1', region: 'RegionOne', ports: defaultPorts, link },
    capabilities: { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog },
    secrets: { adminPassword: 'admin', demoPassword: 'demo', servicePasswords: { neutron: 'n'.repeat(32), nova: 'v'.repeat(32), glance: 'g'.repeat(32), cinder: 'c'.repeat(32), placement: 'p'.repeat(32) }, metadataSecret: 's' },
    config: { keystone: { password_hash_rounds: 4 } },
  })
  const driver = await engineForTests({ bus: cloud.bus, host: 'host-1' })
  assert.ok(driver)
  const call = { signal: new AbortController().signal, epoch: 1, log: silentLog }
  t.after(async () => {
    await cloud.stop()
    await driver.removeFabric(call)
    for (const name of await helper.netnsList()) await helper.netnsDelete(name)
    await helper.close()
    rmSync(dataDirectory, { recursive: true, force: true })
  })

  const send = async (service: 'keystone' | 'neutron', method: string, path: string, body?: unknown, token?: string) => {
    const target = cloud.services[service]
    const reply = await target.transport({
      method, path: target.prefix + path, query: '', origin: target.origin, body: body === undefined ? null : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(token !== undefined && { 'x-auth-token': token }) },
    })
    const text = (await readText(reply.body, 1_000_000)) ?? ''
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${text}`)
    return { headers: reply.headers, body: text === '' ? undefined : JSON.parse(text) }
  }
  const login = await send('keystone', 'POST', '/auth/tokens', {
    auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password: 'admin' } } }, scope: { project: { name: 'admin', domain: { id: 'default' } } } },
  })
  const token = login.headers['X-Subject-Token'] ?? login.headers['x-subject-token'] ?? ''
  const make = async (plural: string, single: string, body: object) => (await send('neutron', 'POST', `/${plural}`, { [single]: body }, token)).body[single]

  const outside = await make('networks', 'network', { name: 'public', 'router:external': true, 'provider:network_type': 'flat', 'provider:physical_network': 'public' })
  await make('subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr, enable_dhcp: false })
  const blue = await make('networks', 'network', { name: 'blue' })
  const block = await make('subnets', 'subnet', { network_id: blue.id, ip_version: 4, cidr: '10.1.0.0/24', dns_nameservers: ['9.9.9.9'] })
  const router = await make('routers', 'router', { external_gateway_info: { network_id: outside.id } })
  await send('neutron', 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id }, token)
  const port = await make('ports', 'port', { network_id: blue.id, 'binding:host_id': 'host-1' })

  await until(async () => (await send('neutron', 'GET', `/ports/${port.id}`, undefined, token)).body.port.status === 'ACTIVE', 'the port')
  const there = await until(async () => {
    const inventory = await driver.inventory(call)
    return inventory.routers.includes(router.id) && inventory.dhcp.some((dhcp) => dhcp.networkId === blue.id && dhcp.alive) && inventory
  }, 'router and DHCP')
  const tap = there.ports.find((each) => port.id.startsWith(each.id))
  assert.deepEqual(tap && [tap.network, tap.filtered], [blue.id.slice(0, 11), true])

  // The host reaches the router's outside address over the fabric's gateway.
  const [{ ip_address: gateway }] = router.external_gateway_info.external_fixed_ips
  await until(async () => (await processes.run('/usr/bin/ping', ['-c1', '-W1', gateway], { timeoutSeconds: 5 }).then(() => true, () => false)), 'an echo from the router')

  await send('neutron', 'DELETE', `/ports/${port.id}`, undefined, token)
  await send('neutron', 'PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: block.id }, token)
  await send('neutron', 'DELETE', `/routers/${router.id}`, undefined, token)
  await send('neutron', 'DELETE', `/networks/${blue.id}`, undefined, token)
  await until(async () => {
    const left = await driver.inventory(call)
    return left.routers.length === 0 && left.dhcp.length === 0 && left.ports.length === 0 && !left.networks.includes(blue.id.slice(0, 11))
  }, 'an empty host')
})
