// nova-compute: one host with its hypervisor, told what to do over the bus.
import type { CallContext, RequestContext } from '#core/context'
import { Cancelled } from '#core/errors'
import { servePrograms } from '#core/audit'
import { rpcClient, type RpcServer } from '#core/rpc'
import { ownContext, type Role, type Runtime } from '#core/service'
import { computeRpc } from '../contract/compute-rpc.ts'
import { conductorRpc } from '../contract/conductor-rpc.ts'
import type { NovaSettings } from '../config.ts'
import { beatAs } from '../heartbeat.ts'
import { uptimeLine } from '../model/uptime.ts'
import { awaitPorts, claimServer, connectVolumes, createPorts, createVolumes, destroy, prepareImage, spawn } from './build.ts'
import { Commands, type Told } from './commands.ts'
import { openDriver } from './driver.ts'
import { type ComputeHost, forgetPort } from './host.ts'
import { inventoryServer } from './inventory.ts'
import { HostJournal } from './journal.ts'
import { openJournalFile } from './journal-file.ts'
import { PortWaits } from './port-waits.ts'
import { attachInterface, attachVolume, detachInterface, detachVolume, extendVolume, learnPower, plugBackInterface, plugBackVolume, powerOf, powerOff, powerOn, reboot } from './power.ts'
import { passOnEvents, reconcile } from './reconcile.ts'
import { settleInterface, settleVolume } from './settle.ts'
import { keepReporting } from './tracker.ts'

export async function startCompute(runtime: Runtime, settings: NovaSettings): Promise<Role> {
  const journal = new HostJournal(openJournalFile(runtime))
  await journal.open()
  const driver = await openDriver(runtime, settings)
  const host: ComputeHost = {
    runtime, settings, driver, journal, conductor: rpcClient(runtime.bus, runtime, conductorRpc),
    commands: new Commands(runtime, journal), portWaits: new PortWaits(runtime.clock), known: new Map(),
  }
  const stopListening = passOnEvents(host)
  await driver.open({ signal: ownContext(runtime, 'nova-compute').signal, epoch: 0, log: runtime.log })
  const serving = runtime.bus.serve(computeRpc, runtime.host, computeServer(host))
  const programs = servePrograms(runtime, 'qemu')
  const reporting = keepReporting(host, () => reconcile(host))
  const beat = beatAs(runtime, settings, 'nova-compute', 'compute')
  return {
    ready: reporting.reported,
    async stop() {
      serving.close()
      programs.close()
      reporting.stop()
      beat.stop()
      host.commands.abandonAll(new Cancelled('The compute service stops.'))
      stopListening()
      await driver.close()
      await journal.close()
    },
  }
}

type Work<A extends Told, T> = (host: ComputeHost, ctx: RequestContext, call: CallContext, told: A) => Promise<T>

function computeServer(host: ComputeHost): RpcServer<typeof computeRpc> {
  const { runtime, commands } = host
  const does = <A extends Told, T>(name: string, work: Work<A, T>) => (ctx: RequestContext, args: A) =>
    commands.carryOut(ctx, name, args, (call) => work(host, ctx, call, args))
  return {
    claimServer: does('claimServer', claimServer),
    prepareImage: does('prepareImage', prepareImage),
    createPorts: does('createPorts', createPorts),
    createVolumes: does('createVolumes', createVolumes),
    connectVolumes: does('connectVolumes', connectVolumes),
    awaitPorts: does('awaitPorts', (own, ctx, call, told: Told & { timeoutSeconds: number }) => awaitPorts(own, ctx, call, told, told.timeoutSeconds)),
    spawn: does('spawn', spawn),
    destroy: does('destroy', destroy),
    powerOn: does('powerOn', powerOn),
    powerOff: does('powerOff', (own, ctx, call, told: Told & { timeoutSeconds: number }) => powerOff(own, ctx, call, told, told.timeoutSeconds)),
    reboot: does('reboot', (own, ctx, call, told: Told & { kind: 'soft' | 'hard'; timeoutSeconds: number }) => reboot(own, ctx, call, told, told.kind, told.timeoutSeconds)),
    learnPower: does('learnPower', learnPower),
    attachVolume: does('attachVolume', (own, ctx, call, told: Told & { blockDeviceId: string }) => attachVolume(own, ctx, call, told, told.blockDeviceId)),
    detachVolume: does('detachVolume', (own, ctx, call, told: Told & { volumeId: string }) => detachVolume(own, ctx, call, told, told.volumeId)),
    extendVolume: does('extendVolume', (own, _ctx, call, told: Told & { volumeId: string; sizeGiB: number }) => extendVolume(own, call, told, told.volumeId, told.sizeGiB)),
    plugBackVolume: does('plugBackVolume', (own, ctx, call, told: Told & { volumeId: string }) => plugBackVolume(own, ctx, call, told, told.volumeId)),
    plugBackInterface: does('plugBackInterface', (own, ctx, call, told: Told & { portId: string }) => plugBackInterface(own, ctx, call, told, told.portId)),
    settleVolume: does('settleVolume', (own, ctx, call, told: Told & { volumeId: string }) => settleVolume(own, ctx, call, told, told.volumeId)),
    settleInterface: does('settleInterface', (own, ctx, call, told: Told & { portId: string }) => settleInterface(own, ctx, call, told, told.portId)),
    attachInterface: does('attachInterface', (own, ctx, call, told: Told & { portId: string }) => attachInterface(own, ctx, call, told, told.portId)),
    detachInterface: does('detachInterface', (own, ctx, call, told: Told & { portId: string }) => detachInterface(own, ctx, call, told, told.portId)),
    guestPower: async (ctx: RequestContext, { serverId }: { serverId: string }) =>
      ({ powerState: powerOf(await host.driver.powerState({ signal: ctx.signal, epoch: 0, log: ctx.log }, serverId)) }),
    uptime: async (ctx: RequestContext) =>
      ({ uptime: uptimeLine(await host.driver.uptime({ signal: ctx.signal, epoch: 0, log: ctx.log }), runtime.clock.now()) }),
    connector: async () => ({ host: runtime.host }),
    consoleOutput: async (ctx: RequestContext, { serverId, lines }: { serverId: string; lines?: number }) =>
      ({ output: await host.driver.consoleOutput({ signal: ctx.signal, epoch: 0, log: ctx.log }, serverId, lines) }),
    ...inventoryServer(host),
    async externalEvent(ctx: RequestContext, { serverId, name, tag, status }: { serverId: string; name: string; tag?: string; status: string }) {
      if (name === 'network-vif-deleted' && tag !== undefined) return forgetPort(host, serverId, tag)
      const awaited = name === 'network-vif-plugged' && tag !== undefined && host.portWaits.plugged(serverId, tag, status !== 'failed') !== undefined
      // As upstream: an event that nobody waits for is only said in the log.
      if (!awaited) ctx.log.info({ serverId, event: name, tag }, 'an event came for which nothing here waits')
    },
    async abandon(_ctx: RequestContext, { operationId, epoch }: { operationId: string; epoch?: number }) {
      commands.abandon(operationId, epoch)
    },
    async operationEnded(_ctx: RequestContext, { operationId }: { operationId: string }) {
      host.known.delete(operationId)
      host.journal.forget(operationId)
    },
  }
}
