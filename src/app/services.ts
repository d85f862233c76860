// The services that a cloud is made of, in the order in which they start; each is loaded when it is needed.
import type { Runtime, Service, ServiceName } from '#core/service'
import type { CloudOptions } from './cloud-options.ts'
import { publicUrl } from './settings.ts'

interface Loaded {
  readonly name: ServiceName
  load(): Promise<Service>
  prepare?(runtime: Runtime, options: CloudOptions): Promise<void>
}

export const services: readonly Loaded[] = [
  {
    name: 'keystone',
    load: async () => (await import('../services/keystone/index.ts')).keystone,
    async prepare(runtime, { settings, secrets }) {
      const { bootstrap } = await import('../services/keystone/index.ts')
      const volumes = `${publicUrl(settings, 'cinder')}/v3/$(project_id)s`
      await bootstrap(runtime, {
        region: settings.region, adminPassword: secrets.adminPassword, demoPassword: secrets.demoPassword, serviceSecrets: secrets.servicePasswords,
        endpoints: {
          identity: `${publicUrl(settings, 'keystone')}/v3`, image: publicUrl(settings, 'glance'), placement: publicUrl(settings, 'placement'),
          compute: `${publicUrl(settings, 'nova')}/v2.1`, network: publicUrl(settings, 'neutron'), volumev3: volumes, 'block-storage': volumes,
        },
      })
    },
  },
  { name: 'nova', load: async () => (await import('../services/nova/index.ts')).nova },
]
