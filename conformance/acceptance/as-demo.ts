// What the user demo does with servers of a cloud, and how it is known that all that began is over and well.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { readSecrets } from '../../src/app/commands/openrc.ts'
import { logIn, reachOutside, type Session } from '../../src/app/rest.ts'
import { readSettings } from '../../src/app/settings.ts'
import type { RealCloud } from './real-cloud.ts'
import { openOperations, wrongs } from './rows-and-reality.ts'

export interface Demo {
  readonly session: Session
  /** The test image, unless `more` says another; on the network `private`. @returns the server's id */
  create(name: string, more?: Readonly<Record<string, unknown>>): Promise<string>
  serverNamed(name: string): Promise<any>
  /** For `create`: a new volume beside the disk. */
  readonly withVolume: Readonly<Record<string, unknown>>
}

export async function asDemo({ directory }: RealCloud): Promise<Demo> {
  const settings = readSettings(directory)
  assert.ok(settings)
  const session = await logIn(reachOutside(settings), { user: 'demo', password: readSecrets(directory).demoPassword, project: 'demo' })
  const first = async (service: 'glance' | 'neutron' | 'nova', path: string, collection: string): Promise<string> => (await session.send(service, 'GET', path))[collection][0].id
  const image = await first('glance', '/v2/images?name=nimbo-test', 'images')
  const network = await first('neutron', '/v2.0/networks?name=private', 'networks')
  const flavor = ((await session.send('nova', 'GET', '/v2.1/flavors')).flavors as { id: string; name: string }[]).find(({ name }) => name === 'm1.nano')?.id
  return {
    session,
    async create(name, more = {}) {
      const { server } = await session.send('nova', 'POST', '/v2.1/servers', { server: { name, imageRef: image, flavorRef: flavor, networks: [{ uuid: network }], ...more } },
        { headers: { 'x-openstack-nova-api-version': '2.67' } })
      return server.id
    },
    serverNamed: async (name) => ((await session.send('nova', 'GET', `/v2.1/servers/detail?name=^${name}$`)).servers as any[])[0],
    withVolume: {
      block_device_mapping_v2: [
        { source_type: 'image', uuid: image, destination_type: 'local', boot_index: 0, delete_on_termination: true },
        { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
      ],
    },
  }
}

/** Wait until nothing is open, rows and reality agree, and the rows are as those of a simulated cloud must be. @throws with what is not so */
export async function untilWhole({ directory }: RealCloud, seconds = 120): Promise<void> {
  let last: readonly string[] = []
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(50)) {
    last = openOperations(directory)
    if (last.length === 0) last = await wrongs(directory)
    if (last.length === 0) return
  }
  throw new Error(`not whole after ${seconds} s:\n${last.join('\n')}`)
}

/** The auditors agree, and had nothing to put right. */
export async function nothingToRepair(cloud: RealCloud): Promise<void> {
  const answer = async (...args: string[]) => JSON.parse(await cloud.nimbo('doctor', ...args, '--json').catch((error: Error) => String((error.cause as { stdout?: string }).stdout)))
  const { findings, silent, failed } = (await answer('--now')) as { findings: unknown[]; silent: string[]; failed: string[] }
  const history = (await answer('--history')) as { findings: { kind: string; resource: string; state: string }[] }
  assert.deepEqual([findings, silent, failed, history.findings.map(({ kind, resource, state }) => `${kind} ${resource} ${state}`)], [[], [], [], []])
}

/** No round of an auditor comes by itself: what is whole again became so without them. For nimbo.toml. */
export const auditorsAtRest = ['nova', 'neutron', 'cinder', 'glance'].map((name) => `[${name}]\naudit_interval = 3600\naudit_grace = 1\n`).join('\n')
