// What cinder's tests say often: a version, waiting for a state, a volume that is ready.
import type { Session } from '../../../app/testing/index.ts'

export const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/

export const at = (version: string) => ({ 'openstack-api-version': `volume ${version}` })

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  throw new Error(what)
}

export function until(session: Session, id: string, status: string, version = '3.70'): Promise<any> {
  return eventually(`volume ${id} did not become ${status}`, async () => {
    const { body } = await session.call('cinder', 'GET', `/v3/volumes/${id}`, undefined, at(version))
    return body.volume?.status === status ? body.volume : undefined
  })
}

export function untilGone(session: Session, id: string): Promise<true> {
  return eventually(`volume ${id} did not go`, async () => ((await session.call('cinder', 'GET', `/v3/volumes/${id}`)).status === 404 ? true : undefined))
}

export async function readyVolume(session: Session, volume: Record<string, unknown> = {}): Promise<any> {
  const made = await session.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, ...volume } })
  if (made.status !== 202) throw new Error(JSON.stringify(made.body))
  return until(session, made.body.volume.id, 'available')
}

/** The token by which a service of the cloud makes itself known beside the user's. */
export async function serviceToken(cloud: { call: Session['call'] }, name = 'nova'): Promise<Record<string, string>> {
  const reply = await cloud.call('keystone', 'POST', '/v3/auth/tokens', {
    auth: {
      identity: { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password: `${name}-${'s'.repeat(32)}` } } },
      scope: { project: { name: 'service', domain: { id: 'default' } } },
    },
  })
  return { 'x-service-token': reply.headers['x-subject-token'] ?? '' }
}
