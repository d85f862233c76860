// What a new cloud has from the first day, with DevStack's names: flavors, networks, a test image.
import { createReadStream, existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '#core/observe'
import type { ProcessRunner } from '#core/process'
import type { Cloud } from './cloud.ts'
import { buildGuestImage, guestImageProperties } from './guest-image/index.ts'
import type { Layout } from './layout.ts'
import { logIn, reachInside, type Session } from './rest.ts'
import { type Secrets, type Settings, writeWhole } from './settings.ts'

export interface DefaultsOptions {
  readonly cloud: Cloud
  readonly settings: Settings
  readonly secrets: Secrets
  readonly files: Layout
  readonly processes: ProcessRunner
  readonly log: Logger
  readonly progress: (message: string) => void
}

/** id, name, RAM in MiB, vCPUs, disk in GiB */
const flavors: readonly (readonly [string, string, number, number, number])[] = [
  ['1', 'm1.tiny', 512, 1, 1],
  ['2', 'm1.small', 2048, 1, 20],
  ['3', 'm1.medium', 4096, 2, 40],
  ['4', 'm1.large', 8192, 4, 80],
  ['5', 'm1.xlarge', 16384, 8, 160],
  ['42', 'm1.nano', 128, 1, 1],
  ['84', 'm1.micro', 256, 1, 1],
]

export const testImageName = 'nimbo-test'

/** Done once; a cloud whose owner removed one of these does not get it back. */
export async function ensureDefaults(options: DefaultsOptions): Promise<void> {
  const { cloud, secrets, settings, files, progress } = options
  if (existsSync(files.defaults)) return
  const reach = reachInside(cloud.services)
  const admin = await logIn(reach, { user: 'admin', password: secrets.adminPassword, project: 'admin' })
  const demo = await logIn(reach, { user: 'demo', password: secrets.demoPassword, project: 'demo' })
  progress('Making flavors and networks')
  await makeFlavors(admin)
  await makeNetworks(admin, demo, settings)
  await makeImage(admin, options)
  writeWhole(files.defaults, `${JSON.stringify({ made: true })}\n`, 0o644)
}

async function makeFlavors(admin: Session): Promise<void> {
  for (const [id, name, ram, vcpus, disk] of flavors) {
    await admin.send('nova', 'POST', '/v2.1/flavors', { flavor: { id, name, ram, vcpus, disk } }, { accept: [409] })
  }
}

async function makeNetworks(admin: Session, demo: Session, settings: Settings): Promise<void> {
  const known = async (session: Session, noun: string, name: string) => (await session.send('neutron', 'GET', `/v2.0/${noun}s?name=${name}`))[`${noun}s`][0]
  const publicNetwork = (await known(admin, 'network', 'public')) ?? (await admin.send('neutron', 'POST', '/v2.0/networks', {
    network: { name: 'public', 'router:external': true, 'provider:network_type': 'flat', 'provider:physical_network': 'public', port_security_enabled: true },
  })).network
  if (!(await known(admin, 'subnet', 'public-subnet'))) {
    await admin.send('neutron', 'POST', '/v2.0/subnets', {
      subnet: { name: 'public-subnet', network_id: publicNetwork.id, ip_version: 4, cidr: settings.publicCidr, enable_dhcp: false },
    })
  }
  const privateNetwork = (await known(demo, 'network', 'private')) ?? (await demo.send('neutron', 'POST', '/v2.0/networks', { network: { name: 'private' } })).network
  const subnet = (await known(demo, 'subnet', 'private-subnet')) ?? (await demo.send('neutron', 'POST', '/v2.0/subnets', {
    subnet: { name: 'private-subnet', network_id: privateNetwork.id, ip_version: 4, cidr: '10.0.0.0/26' },
  })).subnet
  if (await known(demo, 'router', 'router1')) return
  const { router } = await demo.send('neutron', 'POST', '/v2.0/routers', { router: { name: 'router1', external_gateway_info: { network_id: publicNetwork.id } } })
  await demo.send('neutron', 'PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })
}

async function makeImage(admin: Session, options: DefaultsOptions): Promise<void> {
  const { files, settings, progress } = options
  const found = (await admin.send('glance', 'GET', `/v2/images?name=${testImageName}&status=active`)).images
  if (found.length > 0) return
  const built = join(files.data, 'test-image.qcow2')
  if (settings.driver === 'real') {
    progress('Building a test image from Debian packages')
    await buildGuestImage({ workDirectory: join(files.data, 'image-build'), downloads: files.packages, output: built, runner: options.processes, log: options.log, progress: (message: string) => progress(`Test image: ${message}`) })
  } else {
    // Fake guests run nothing: an empty disk is enough for them.
    writeWhole(built, '\0'.repeat(1024 * 1024), 0o600)
  }
  progress('Storing the test image')
  const { properties, ...described } = guestImageProperties
  const image = await admin.send('glance', 'POST', '/v2/images', {
    name: testImageName, visibility: 'public', ...described, ...(settings.driver === 'fake' && { disk_format: 'raw' }), ...properties,
  })
  const { transport, origin, token } = admin.transport('glance')
  const reply = await transport({
    method: 'PUT', path: `/v2/images/${image.id}/file`, query: '', origin,
    headers: { 'x-auth-token': token, 'content-type': 'application/octet-stream', 'content-length': String(statSync(built).size) }, body: createReadStream(built),
  })
  if (reply.status !== 204) throw new Error(`The test image could not be stored: glance answered ${reply.status}.`)
  rmSync(built, { force: true })
  rmSync(join(files.data, 'image-build'), { recursive: true, force: true })
}
