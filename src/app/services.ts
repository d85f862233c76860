// The services that a cloud is made of, in the order in which they start; each is loaded when it is needed.
import type { Runtime, Service, ServiceName } from '#core/service'
import type { CloudOptions } from './cloud-options.ts'
import { publicUrl } from './settings.ts'

interface Loaded {
  readonly name: ServiceName
  load(): Promise<Service>
  /** After its start, before that of the next. */
  prepare?(runtime: Runtime, options: CloudOptions): Promise<void>
}

export const services: readonly Loaded[] = [
  {
    name: 'keystone',
    load: async () => (await import('../services/keystone/index.ts')).keystone,
    async prepare(runtime, { settings, secrets }) {
      const { bootstrap } = await import('../services/keystone/index.ts')
      const [compute, volume] = [`${publicUrl(settings, 'nova')}/v2.1`, `${publicUrl(settings, 'cinder')}/v3/$(project_id)s`]
      const identity = `${publicUrl(settings, 'keystone')}/v3`
      await bootstrap(runtime, {
        region: settings.region, adminPassword: secrets.adminPassword, demoPassword: secrets.demoPassword, serviceSecrets: secrets.servicePasswords,
        endpoints: {
          identity: { public: identity, internal: identity, admin: `${publicUrl(settings, 'keystoneAdmin')}/v3` },
          image: publicUrl(settings, 'glance'), placement: publicUrl(settings, 'placement'), compute, network: publicUrl(settings, 'neutron'),
          volumev3: volume, 'block-storage': volume, nimbo: `${publicUrl(settings, 'nimbo')}/v1`,
        },
      })
    },
  },
  { name: 'placement', load: async () => (await import('../services/placement/index.ts')).placement },
  { name: 'glance', load: async () => (await import('../services/glance/index.ts')).glance },
  { name: 'neutron', load: async () => (await import('../services/neutron/index.ts')).neutron },
  { name: 'cinder', load: async () => (await import('../services/cinder/index.ts')).cinder },
  { name: 'nimbo', load: async () => (await import('../services/nimbo/index.ts')).nimbo },
  { name: 'nova', load: async () => (await import('../services/nova/index.ts')).nova },
]
