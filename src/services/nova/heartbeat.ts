// A service says again and again that it lives. The conductor writes it down for those who list services.
import { rpcClient } from '#core/rpc'
import { ownContext, type Runtime } from '#core/service'
import { conductorRpc } from './contract/conductor-rpc.ts'
import type { NovaSettings } from './config.ts'

export function beatAs(runtime: Runtime, settings: NovaSettings, binary: string, topic: string): { stop(): void } {
  const conductor = rpcClient(runtime.bus, runtime, conductorRpc)
  const ctx = ownContext(runtime, binary)
  let timer = { cancel() {} }
  const beat = () => {
    // With no conductor there is nobody to tell; the next beat tries again.
    conductor.any().heartbeat(ctx, { host: runtime.host, binary, topic }).catch((error: unknown) => runtime.log.debug({ err: error, binary }, 'no conductor heard the heartbeat'))
    timer = runtime.clock.after(settings.report_interval * 1000, beat)
  }
  beat()
  return {
    stop() {
      timer.cancel()
    },
  }
}
