// The build of a server: from an accepted request to a running guest, one journalled step after the other.
// Volumes and ports are asked for before the image is fetched and waited for after it, so that all are made side by side.
import type { RequestContext } from '#core/context'
import { isUniqueViolation } from '#core/db'
import { AppError, Conflict } from '#core/errors'
import { assertHeld, defineOperation, type OperationRun, pivot, StartAgain, step } from '#core/operations'
import { Type, Uuid } from '#core/spec'
import { noteEvent, startAction } from '../../db/actions.ts'
import { addTriedHost, findPlan, findSpec } from '../../db/build-requests.ts'
import { findInstance, insertPlanned, updateInstance } from '../../db/instances.ts'
import { replacePorts } from '../../db/ports.ts'
import { HostUnfit, NoValidHost, StaleEpoch } from '../../model/errors.ts'
import type { Destination, HostNeeds, PlacementRequest, RequestedNetwork, ServerPort } from '../../model/server.ts'
import { power } from '../../model/server-states.ts'
import { release } from '../../neighbours/placement.ts'
import { type Command, onHost, onHostIfUp } from '../host-commands.ts'
import { type Nova, now } from '../nova.ts'
import { type Connected, connectionsMade, type MadeVolume, takeBackConnections, takeBackPorts, unmakeVolumes, volumesMade } from './block-devices.ts'
import { begunAt } from './begun-at.ts'
import { closeCell, leavePlan, writeInCell } from './cell-writes.ts'
import { faultMessage } from './faults.ts'
import { leaveFormerServer } from './former-server.ts'
import { keepFailed } from './keep-failed.ts'
import { neighboursOf } from './neighbours.ts'
import { groupOf, placedGroup, refuseByGroup } from './placed-group.ts'
import { releasePorts } from './release-ports.ts'
import { disconnectVolumes } from './release-volumes.ts'
import type { CellTx } from './task.ts'

interface Input {
  readonly serverId: string
}
type Run = OperationRun<Input>
type Methods = ReturnType<Nova['compute']['on']>

function destination(run: Run): Destination {
  const chosen = run.result<Destination>('schedule')
  if (!chosen) throw new Error('the build has no host yet')
  return chosen
}

/** A command to the chosen host; when the host is at fault, another one is tried. */
async function tell<T>(nova: Nova, run: Run, command: (compute: Methods, ctx: RequestContext, command: Command) => Promise<unknown>): Promise<T> {
  try {
    return (await onHost(nova, run, destination(run).host, command)) as T
  } catch (error) {
    if (run.signal.aborted || !(error instanceof AppError) || !mayRunElsewhere(error)) throw error
    throw await elsewhere(nova, run, error)
  }
}

/** The reason to start again on another host, or the error itself when no more hosts may be tried. */
async function elsewhere(nova: Nova, run: Run, error: AppError): Promise<AppError> {
  const found = await findSpec<PlacementRequest>(nova.api.read, run.input.serverId)
  const fixed = found?.spec.forcedHost !== undefined || found?.spec.forcedNode !== undefined
  if (fixed || (found?.triedHosts.length ?? 0) + 1 >= nova.settings.max_attempts) return error
  return new StartAgain('schedule', error)
}

/** What a user asked for wrongly fails everywhere; a host that is full, broken or silent does not stand for the others. */
function mayRunElsewhere(error: AppError): boolean {
  return error.code === HostUnfit.code || error.code === 'compute.spawn_failed'
}

async function schedule(nova: Nova, run: Run): Promise<Destination> {
  const found = await findSpec<PlacementRequest>(nova.api.read, run.input.serverId)
  if (!found) throw new Error('the build has no request')
  const { spec, triedHosts } = found
  const group = await groupOf(nova, run.input.serverId)
  const placed = group && (await placedGroup(nova.cells.cell1.read, group, run.input.serverId))
  const neighbours = spec.hints && (await neighboursOf(nova, run.ctx, spec.hints))
  const request = { ...spec, ignoredHosts: triedHosts.map(({ host }) => host), claimKey: claimKey(run, triedHosts.length), ...(placed && { group: placed }), ...(neighbours && { neighbours }) }
  try {
    return (await nova.scheduler.any().selectDestination(run.ctx, request)) as Destination
  } catch (error) {
    const last = triedHosts.at(-1)
    if (!last || !(error instanceof NoValidHost)) throw error
    const tries = triedHosts.map(({ host, reason, causes = [] }) => `tried ${host}: ${[reason, ...causes].join('; ')}`).join('\n')
    throw new NoValidHost(`${last.reason} No other host could take it; tried: ${triedHosts.length}.`, {}, new Error(tries, { cause: error }))
  }
}

/** Each host that is tried is claimed with a key of its own. */
const claimKey = (run: Run, tried: number): string => run.key(`schedule/${tried}`)

async function leaveHost(nova: Nova, run: Run): Promise<void> {
  await closeCell(nova, run)
  const chosen = run.result<Destination>('schedule')
  const triedBefore = (await findSpec(nova.api.read, run.input.serverId))?.triedHosts.filter(({ host }) => host !== chosen?.host) ?? []
  if (run.fault?.again !== undefined && chosen) {
    const tried = { host: chosen.host, reason: faultMessage('build', run.fault), ...(run.fault.causes && { causes: run.fault.causes }) }
    await nova.api.transaction(async (tx) => {
      await assertHeld(tx, run)
      await addTriedHost(tx, run.input.serverId, tried)
    })
  }
  await release(nova.runtime, run.ctx, run.input.serverId, claimKey(run, triedBefore.length))
  if (run.fault?.again !== undefined) return
  await keepFailed(nova, run)
  await clearLeftHosts(nova, run, [...triedBefore.map(({ host }) => host), ...(chosen ? [chosen.host] : [])])
}

/** The host has nothing more to do with the server. One that is down finds out at its start; one that was told already refuses it. */
async function clearHost(nova: Nova, run: Run, host: string): Promise<void> {
  try {
    await onHostIfUp(nova, run, host, async (compute, ctx, command) => {
      await compute.destroy(ctx, command)
      await compute.operationEnded(ctx, { operationId: run.id })
    })
  } catch (error) {
    if (!(error instanceof StaleEpoch)) throw error
  }
}

/**
 * Once the rows say that the server has left them: a host that was down when it was to take its guest away, and is back since, took the
 * server for its own until now.
 */
async function clearLeftHosts(nova: Nova, run: Run, hosts: readonly string[]): Promise<void> {
  for (const host of hosts) await clearHost(nova, run, host).catch((error: unknown) => run.log.warn({ err: error, host }, 'a host that the server has left was not cleared of it'))
}

/** What the host found there is to do. */
const needs = (run: OperationRun<unknown>, what: keyof HostNeeds): boolean => run.result<HostNeeds>('claim')?.[what] !== false

async function createInCell(nova: Nova, run: Run): Promise<void> {
  const { serverId } = run.input
  const { host, node, zone, considered } = destination(run)
  const plan = await findPlan(nova.api.read, serverId)
  const at = now(nova)
  const group = await groupOf(nova, serverId)
  const begun = await begunAt(nova, run, 'schedule')
  let entered = false
  await claimRows(nova, run, async (tx) => {
    if (group) await refuseByGroup(nova, tx, group.id, serverId, host)
    const placed = { host, node, availability_zone: zone, task_state: 'spawning', updated_at: at }
    entered = plan !== undefined && (await insertPlanned(tx, { ...plan, instance: { ...plan.instance, ...placed } }))
    if (entered && plan) await startAction(tx, { serverId, action: 'create', requestId: run.ctx.requestId, userId: plan.instance.user_id, projectId: plan.instance.project_id }, plan.instance.created_at)
    else await updateInstance(tx, serverId, placed)
    await noteEvent(tx, serverId, run.ctx.requestId, {
      event: 'conductor_schedule_instance', host: null, ...begun, result: 'Success',
      details: `${considered.map(({ filter, left }) => `${filter} left ${left}`).join(', ')}; chose ${host}`,
    }, at)
  })
  await leavePlan(nova, run, 'cell1', entered ? plan : undefined)
  // One that still had its plan was on no host before.
  const tried = plan ? [] : (await findSpec(nova.api.read, serverId))?.triedHosts ?? []
  await clearLeftHosts(nova, run, tried.map((each) => each.host))
}

async function claimRows(nova: Nova, run: Run, work: (tx: CellTx) => Promise<void>): Promise<void> {
  try {
    await writeInCell(nova, run, work)
  } catch (error) {
    if (error instanceof HostUnfit) throw await elsewhere(nova, run, error)
    if (isUniqueViolation(error, 'volume_id')) throw new Conflict('One of its volumes belongs to another server.', {}, error)
    throw error
  }
}

async function createPorts(nova: Nova, run: Run): Promise<number> {
  const instance = await findInstance(nova.cells.cell1.read, run.input.serverId)
  const requested = instance ? (JSON.parse(instance.requested_networks) as RequestedNetwork[]) : []
  for (const { portId } of requested) if (portId !== undefined) await leaveFormerServer(nova, run, portId)
  const ports = await tell<readonly ServerPort[]>(nova, run, (compute, ctx, command) => compute.createPorts(ctx, command))
  await writeInCell(nova, run, (tx) => replacePorts(tx, run.input.serverId, ports, now(nova)))
  return ports.length
}

async function leavePorts(nova: Nova, run: Run): Promise<void> {
  await closeCell(nova, run)
  await takeBackPorts(nova, run, destination(run).host)
  await releasePorts(nova, run)
}

async function publish(nova: Nova, run: Run): Promise<void> {
  const { serverId } = run.input
  const at = now(nova)
  const begun = await begunAt(nova, run, 'claim')
  await writeInCell(nova, run, async (tx) => {
    const instance = await findInstance(tx, serverId)
    if (!instance || instance.launched_at !== null) return
    await updateInstance(tx, serverId, {
      vm_state: 'active', task_state: instance.task_state === 'deleting' ? 'deleting' : null, power_state: power.running, launched_at: at, updated_at: at,
    })
    await noteEvent(tx, serverId, run.ctx.requestId, { event: 'compute__do_build_and_run_instance', host: instance.host, ...begun, result: 'Success' }, at, true)
  })
  if (run.ctx.traceId !== undefined) nova.runtime.trace.end(run.ctx.traceId, 'ACTIVE')
  await onHostIfUp(nova, run, destination(run).host, (compute, ctx) => compute.operationEnded(ctx, { operationId: run.id }))
}

export const buildServer = defineOperation<Nova, Input>('server.build', {
  input: Type.Object({ serverId: Uuid }),
  deadlineSeconds: 1800,
  onCrash: 'resume',
  steps: [
    step('schedule', { run: schedule, undo: leaveHost }),
    step('create-in-cell', { run: createInCell }),
    step('claim', {
      run: (nova, run) => tell(nova, run, (compute, ctx, command) => compute.claimServer(ctx, command)),
      undo: (nova, run) => clearHost(nova, run, destination(run).host),
    }),
    step('create-volumes', {
      skip: (run) => !needs(run, 'volumes'),
      run: async (nova, run) => volumesMade(nova, run, await tell<MadeVolume[]>(nova, run, (compute, ctx, command) => compute.createVolumes(ctx, command))),
      undo: (nova, run) => unmakeVolumes(nova, run, destination(run).host),
    }),
    step('create-ports', { skip: (run) => !needs(run, 'ports'), run: createPorts, undo: leavePorts }),
    step('prepare-image', { skip: (run) => !needs(run, 'image'), run: (nova, run) => run.aside(tell(nova, run, (compute, ctx, command) => compute.prepareImage(ctx, command))) }),
    step('connect-volumes', {
      skip: (run) => !needs(run, 'volumes'),
      run: async (nova, run) => connectionsMade(nova, run, await run.aside(tell<Connected[]>(nova, run, (compute, ctx, command) => compute.connectVolumes(ctx, command)))),
      async undo(nova, run) {
        await closeCell(nova, run)
        await takeBackConnections(nova, run, destination(run).host)
        await disconnectVolumes(nova, run)
      },
    }),
    step('await-ports', {
      skip: (run) => !needs(run, 'ports'),
      run: (nova, run) => run.aside(tell(nova, run, (compute, ctx, command) => compute.awaitPorts(ctx, { ...command, timeoutSeconds: nova.settings.vif_plugging_timeout }))),
    }),
    step('spawn', {
      run: (nova, run) => tell(nova, run, (compute, ctx, command) => compute.spawn(ctx, command)),
      undo: async (nova, run) => void (await onHostIfUp(nova, run, destination(run).host, (compute, ctx, command) => compute.destroy(ctx, command))),
    }),
    pivot('publish', { run: publish }),
  ],
})
