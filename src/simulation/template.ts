// A cloud that was just set up, made once and copied for every history: its people, networks, flavors and image.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Person, type Reply } from './person.ts'
import { SimulatedCloud } from './cloud.ts'
import { Links, noTrouble } from './links.ts'
import { Storage } from './storage.ts'
import { World } from './world.ts'

export interface Template {
  readonly storage: Storage
  readonly imageId: string
  readonly publicNetworkId: string
}

export const projects = ['demo', 'other'] as const
export type Project = (typeof projects)[number]

const scratchPrefix = 'nimbo-simulation-'

/** Where histories keep their files: in memory where the system has a place for it. What a simulation left that was killed is removed. */
export function scratch(): string {
  try {
    return scratchIn('/dev/shm')
  } catch {
    return scratchIn(tmpdir())
  }
}

export function scratchIn(directory: string): string {
  for (const name of readdirSync(directory)) {
    const owner = name.startsWith(scratchPrefix) ? Number(name.slice(scratchPrefix.length).split('-')[0]) : 0
    if (Number.isSafeInteger(owner) && owner > 0 && !runs(owner)) rmSync(join(directory, name), { recursive: true, force: true })
  }
  return mkdtempSync(join(directory, `${scratchPrefix}${process.pid}-`))
}

/** True of the processes of others too, which may not be signalled. */
function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

export async function makeTemplate(directory: string): Promise<Template> {
  const world = new World('template')
  const storage = new Storage(world, join(directory, 'template'))
  const cloud = new SimulatedCloud({ world, storage, links: new Links(world, () => noTrouble), fate: { at: () => undefined } })
  await cloud.load()
  let failure: Error | undefined
  let made: Omit<Template, 'storage'> | undefined
  cloud.start(true).then(() => furnish(cloud)).then((result) => (made = result), (error: Error) => (failure = error))
  await world.run(() => made !== undefined || failure !== undefined, 600_000)
  cloud.end()
  if (!made) throw failure ?? new Error('the template of the simulation was not done in its time')
  await storage.close()
  return { storage, ...made }
}

async function furnish(cloud: SimulatedCloud): Promise<Omit<Template, 'storage'>> {
  const admin = await Person.logIn(cloud.network, 'admin', 'admin', 'admin-secret')
  const must = async (...call: Parameters<Person['call']>): Promise<Reply['body']> => {
    const reply = await admin.call(...call)
    if (reply.status === 0 || reply.status >= 300) throw new Error(`${call[1]} ${call[2]}: ${reply.status} ${JSON.stringify(reply.body)}`)
    return reply.body
  }
  for (const [id, ram, vcpus, disk] of [['1', 512, 1, 1], ['2', 2048, 2, 5]] as const) {
    await must('nova', 'POST', '/v2.1/flavors', { flavor: { id, name: `m1.${id}`, ram, vcpus, disk } })
  }
  const { network } = await must('neutron', 'POST', '/v2.0/networks', {
    network: { name: 'public', 'router:external': true, 'provider:network_type': 'flat', 'provider:physical_network': 'public' },
  })
  await must('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '203.0.113.0/24', enable_dhcp: false } })
  const image = await must('glance', 'POST', '/v2/images', { name: 'base', visibility: 'public', disk_format: 'raw', container_format: 'bare' })
  await must('glance', 'PUT', `/v2/images/${image.id}/file`, 'an image of a disk', { 'content-type': 'application/octet-stream' })
  const { roles } = await must('keystone', 'GET', '/v3/roles?name=member')
  for (const name of projects.filter((each) => each !== 'demo')) {
    const { project } = await must('keystone', 'POST', '/v3/projects', { project: { name, domain_id: 'default' } })
    const { user } = await must('keystone', 'POST', '/v3/users', { user: { name, domain_id: 'default', password: `${name}-secret` } })
    await must('keystone', 'PUT', `/v3/projects/${project.id}/users/${user.id}/roles/${roles[0].id}`)
  }
  return { imageId: String(image.id), publicNetworkId: String(network.id) }
}
