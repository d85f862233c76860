// What dnsmasq is told, and what a tenant cannot make it be told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DhcpSpec } from '../interface.ts'
import { dnsmasqArguments, dnsmasqFiles, readHosts } from './dnsmasq-config.ts'

const uuid = (digit: number) => `${digit}1111111-1111-4111-8111-111111111111`
const subnet = {
  id: uuid(3), ipVersion: 4 as const, cidr: '10.0.0.128/25', enableDhcp: true, portAddress: '10.0.0.130', gatewayAddress: '10.0.0.129' as string | null,
  dnsServers: [] as string[], hostRoutes: [], leaseSeconds: 86400,
}
const spec = (changes: Partial<DhcpSpec> = {}): DhcpSpec => ({
  networkId: uuid(1), mtu: 1450, port: { id: uuid(2), macAddress: 'fa:16:3e:00:00:01' }, domain: 'openstacklocal', dnsForwarders: [], metadata: true,
  subnets: [subnet], hosts: [{ portId: uuid(4), macAddress: 'FA:16:3E:00:00:02', hostName: 'host-10-0-0-140', addresses: [{ subnetId: uuid(3), address: '10.0.0.140' }], options: [] }],
  ...changes,
})

test('the options of a subnet, with the default route among the classless ones', () => {
  const files = dnsmasqFiles(spec())
  const tag = `tag:subnet-${uuid(3)}`
  assert.equal(files.options, [
    `${tag},option:router,10.0.0.129`, `${tag},option:dns-server,10.0.0.130`, `${tag},option:mtu,1450`,
    `${tag},option:classless-static-route,169.254.169.254/32,10.0.0.130,0.0.0.0/0,10.0.0.129`, '',
  ].join('\n'))
  assert.equal(files.hosts, 'fa:16:3e:00:00:02,10.0.0.140,host-10-0-0-140\n')
  assert.deepEqual(readHosts(`${files.hosts}fa:16:3e:00:00:03,set:port-x,10.0.0.141,host\n`), [{ macAddress: 'fa:16:3e:00:00:02', address: '10.0.0.140' }, { macAddress: 'fa:16:3e:00:00:03', address: '10.0.0.141' }])
  assert.equal(files.names, '10.0.0.140 host-10-0-0-140.openstacklocal host-10-0-0-140\n')
  assert.ok(dnsmasqArguments(spec(), '/d').includes(`--dhcp-range=set:subnet-${uuid(3)},10.0.0.128,static,255.255.255.128,86400s`))
})

test('a subnet without a gateway sends no router, and without metadata no routes', () => {
  const { options } = dnsmasqFiles(spec({ metadata: false, subnets: [{ ...subnet, gatewayAddress: null }] }))
  assert.match(options, /option:router\n/)
  assert.equal(options.includes('classless'), false)
})

test('what a tenant writes cannot add a line, an option or a quote', () => {
  const [host] = spec().hosts
  assert.ok(host)
  const values = ['a\nb', 'a\rb', 'a"b', 'a\\b', 'a#b', '', 'x'.repeat(256), 'é']
  const names = ['0', '255', 'dhcp-script', '6\n', 'mtu,1', '']
  const options = [...values.map((value) => ({ name: 'bootfile-name', value, ipVersion: 4 as const })), ...names.map((name) => ({ name, value: 'x', ipVersion: 4 as const }))]
  const files = dnsmasqFiles(spec({ hosts: [{ ...host, options: [...options, { name: 'bootfile-name', value: 'pxe.0', ipVersion: 4 }, { name: '150', value: '10.0.0.9', ipVersion: 4 }] }] }))
  assert.equal(files.problems.length, options.length)
  assert.deepEqual(files.options.split('\n').filter((line) => line.includes('tag:port')), [`tag:port-${uuid(4)},option:bootfile-name,pxe.0`, `tag:port-${uuid(4)},150,10.0.0.9`])
  const bad = dnsmasqFiles(spec({ hosts: [{ ...host, hostName: 'a,b' }, { ...host, macAddress: 'x' }, { ...host, addresses: [{ subnetId: uuid(3), address: '10.0.0.1,x' }] }] }))
  assert.deepEqual([bad.hosts, bad.names, bad.problems.length], ['', '', 3])
})
