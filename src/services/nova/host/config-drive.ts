// The config drive of a server: the files of the metadata service, for guests that cannot ask for them.
import type { RequestContext } from '#core/context'
import { configDrive } from '../model/metadata-tree.ts'
import type { ServerDescription } from '../model/server.ts'
import { guestNetwork } from '../neighbours/network.ts'
import type { ComputeHost } from './host.ts'

export async function buildConfigDrive({ runtime, settings }: ComputeHost, ctx: RequestContext, server: ServerDescription): Promise<Record<string, string>> {
  return configDrive({
    server, ...(await guestNetwork(runtime, ctx, server.ports)), domain: settings.dhcp_domain, randomSeed: runtime.random.bytes(512).toString('base64'),
  })
}
