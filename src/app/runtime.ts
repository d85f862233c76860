// What a role is given to run with: the capabilities of its place, and how it reaches the other services.
import { createCredentials, type ServiceTarget, tokenVerifier } from '#core/client'
import type { Capabilities } from '#core/context'
import type { Transport } from '#core/http'
import type { Runtime, ServiceName } from '#core/service'
import type { CloudOptions } from './cloud-options.ts'
import { publicUrl, type Settings } from './settings.ts'

interface Api {
  readonly prefix: string
  readonly versionType?: string
}

const apis: Readonly<Record<ServiceName, Api>> = {
  keystone: { prefix: '/v3' },
  glance: { prefix: '/v2' },
  placement: { prefix: '', versionType: 'placement' },
  nova: { prefix: '/v2.1', versionType: 'compute' },
  neutron: { prefix: '/v2.0' },
  cinder: { prefix: '/v3', versionType: 'volume' },
  nimbo: { prefix: '/v1' },
}

/** @param transportOf asked at each request: throws where the service does not run */
export function serviceTargets(settings: Settings, transportOf: (name: ServiceName) => Transport): Readonly<Record<ServiceName, ServiceTarget>> {
  return Object.fromEntries((Object.keys(apis) as ServiceName[]).map((name) => [name, {
    name, origin: publicUrl(settings, name), ...apis[name], transport: (request) => transportOf(name)(request),
  } satisfies ServiceTarget])) as Record<ServiceName, ServiceTarget>
}

export interface Place extends Pick<Runtime, 'bus' | 'trace' | 'services' | 'database' | 'stage'> {
  readonly capabilities: Capabilities
}

export function createRuntime(name: ServiceName, options: CloudOptions, { capabilities, bus, trace, services, database, stage }: Place): Runtime {
  const { settings, secrets } = options
  const own = { ...capabilities, log: capabilities.log.child({ service: name }) }
  const credentials = createCredentials({ keystone: services.keystone, userName: name, password: secrets.servicePasswords[name] ?? '', capabilities: own })
  return {
    ...own, bus, trace, services, credentials, database, ...(stage && { stage }),
    host: settings.host, region: settings.region, dataDirectory: options.dataDirectory, authUrl: `${publicUrl(settings, 'keystone')}/v3`,
    authenticate: tokenVerifier({ keystone: services.keystone, credentials, bus, host: settings.host, capabilities: own }),
    processes: options.processes, ...(options.privileged && { privileged: options.privileged }), ...(options.machine && { machine: options.machine }),
    config: (section) => ({
      ...Object.fromEntries(Object.entries(section.options).map(([key, option]) => [key, option.default])),
      ...options.config?.[section.name], ...shared(section.name, options),
    }) as never,
    driver: settings.driver, fabric: `${settings.prefix}-fabric`, checkReplies: options.checkReplies === true,
  }
}

/** What several services must agree on. */
function shared(section: string, { settings, secrets }: CloudOptions): Record<string, unknown> {
  if (section === 'nova') return { metadata_proxy_shared_secret: secrets.metadataSecret }
  if (section === 'neutron') return { metadata_proxy_shared_secret: secrets.metadataSecret, public_cidr: settings.publicCidr, nova_metadata_url: publicUrl(settings, 'metadata') }
  return {}
}
