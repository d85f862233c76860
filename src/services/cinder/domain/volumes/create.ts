// A volume is made: the row, its quota and its operation in one transaction; then a place, the space, the contents.
import type { RequestContext } from '#core/context'
import type { Db } from '#core/db'
import { defineOperation, once, type OperationFault, type OperationRun, pivot, step } from '#core/operations'
import { Nullable, type Static, Type, Uuid } from '#core/spec'
import { mark } from '#core/trace'
import { volumeRpc } from '#contract/cinder'
import { insertMetadata, setMetadata } from '../../db/metadata.ts'
import type { CinderTables } from '../../db/tables.ts'
import { findVolume, findVolumeRow, insertVolume, moveVolume } from '../../db/volumes.ts'
import { InvalidAvailabilityZone, InvalidInput, ResourceConflict } from '../../model/errors.ts'
import { backendOf, type Metadata, type Volume } from '../../model/volume.ts'
import { allowsMultiattach, type VolumeType } from '../../model/volume-type.ts'
import { askBackend, askScheduler } from '../ask-role.ts'
import type { Cinder } from '../cinder.ts'
import { tellOwner } from '../messages.ts'
import { checkQuota } from '../quota.ts'
import type { VolumeImage } from '../images.ts'

export interface NewVolume {
  readonly name: string | null
  readonly description: string | null
  readonly sizeGiB: number
  readonly availabilityZone: string | null
  readonly type: VolumeType
  readonly metadata: Metadata
  readonly image?: VolumeImage
  readonly hints?: Readonly<Record<string, unknown>>
}

const Input = Type.Object({
  volumeId: Uuid,
  image: Type.Optional(Type.Object({ source: volumeRpc.methods.createVolume.args.properties.image, metadata: Type.Record(Type.String(), Type.String()) })),
  hints: Type.Optional(Nullable(Type.Record(Type.String(), Type.Unknown()))),
})
type Input = Static<typeof Input>

/** @throws InvalidInput, InvalidAvailabilityZone, QuotaExceeded */
export async function createVolume(cinder: Cinder, ctx: RequestContext, wanted: NewVolume): Promise<Volume> {
  const { clock, ids, settings, database } = cinder
  const projectId = ctx.identity.projectId ?? ''
  const availabilityZone = wanted.availabilityZone ?? settings.storage_availability_zone
  const zones = new Set([...cinder.alive.zones('cinder-volume', clock.now(), settings.service_down_time), settings.storage_availability_zone])
  if (!zones.has(availabilityZone)) throw new InvalidAvailabilityZone(`Availability zone '${availabilityZone}' is invalid.`)
  const typeZones = wanted.type.extraSpecs['RESKEY:availability_zones']
  if (typeZones && !typeZones.split(',').map((zone) => zone.trim()).includes(availabilityZone)) {
    throw new InvalidAvailabilityZone(`Availability zone '${availabilityZone}' is invalid.`)
  }

  const { value, repeated } = await database.transaction((tx) => once(tx, ctx, cinder, async () => {
    await checkQuota(tx, settings, { projectId, typeName: wanted.type.name, volumes: 1, gigabytes: wanted.sizeGiB, volumeGiB: wanted.sizeGiB })
    const id = ids.uuid()
    await insertVolume(tx, {
      id, project_id: projectId, user_id: ctx.identity.userId, display_name: wanted.name, display_description: wanted.description,
      size: wanted.sizeGiB, claimed_size: wanted.sizeGiB, status: 'creating', previous_status: null, attach_status: 'detached',
      availability_zone: availabilityZone, host: null, service_uuid: null, bootable: 0, multiattach: allowsMultiattach(wanted.type) ? 1 : 0, read_only: null,
      volume_type_id: wanted.type.id, trace_id: ctx.traceId ?? null, created_at: clock.now().toISOString(), updated_at: null,
    })
    await insertMetadata(tx, 'volume_metadata', id, wanted.metadata)
    await cinder.operations.begin(tx, ctx, createVolumeOperation, {
      resourceId: id, projectId,
      input: { volumeId: id, ...(wanted.image && { image: wanted.image }), ...(wanted.hints && { hints: wanted.hints }) },
    })
    return { id }
  }))
  const made = await findVolume(database.read, value.id)
  if (!made) throw new ResourceConflict(`The volume ${value.id} that this request made${repeated ? ' the first time' : ''} is gone.`)
  return made
}

async function chooseBackend(cinder: Cinder, run: OperationRun<Input>): Promise<{ host: string }> {
  mark(cinder.trace, cinder.clock, run.ctx, 41)
  return askScheduler(cinder, run, (role) => role.placeVolume(run.ctx, { volumeId: run.input.volumeId, ...(run.input.hints && { hints: run.input.hints }) }))
}

const listener = (run: OperationRun<unknown>): string => {
  const placed = run.result<{ host: string }>('choose-backend')
  if (!placed) throw new InvalidInput('The volume has no backend yet.')
  return backendOf(placed.host)
}

async function allocate(cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const { volumeId, image } = run.input
  await askBackend(cinder, run, listener(run), (role) => role.createVolume(run.ctx, { volumeId, ...(image?.source && { image: image.source }), operation: run.id, epoch: run.epoch }))
  mark(cinder.trace, cinder.clock, run.ctx, 49)
}

async function free(cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  await cinder.volumes.on(listener(run)).deleteVolume(run.ctx, { volumeId: run.input.volumeId, operation: run.id, epoch: run.epoch })
}

/** The volume may be on its way out already; then there is nothing to publish. */
async function publish(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const { volumeId, image } = run.input
  const moved = await moveVolume(tx, volumeId, 'created', { updated_at: cinder.clock.now().toISOString(), ...(image && { bootable: 1 }) })
  if (moved && image) await setMetadata(tx, 'volume_image_metadata', volumeId, image.metadata, true)
}

async function markError(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<Input>, fault: OperationFault): Promise<void> {
  const row = await findVolumeRow(tx, run.input.volumeId)
  if (!row) return
  const moved = await moveVolume(tx, row.id, 'create_failed', { updated_at: cinder.clock.now().toISOString() })
  const action = fault.step === 'choose-backend' ? 'schedule allocate volume' : run.input.image ? 'copy image to volume' : 'create volume'
  if (moved && !fault.cancelled) await tellOwner(tx, cinder, run, { projectId: row.project_id, volumeId: row.id, action }, fault)
}

export const createVolumeOperation = defineOperation<Cinder, Input>('volume.create', {
  input: Input, deadlineSeconds: 7200, onCrash: 'resume',
  steps: [
    step('choose-backend', { run: chooseBackend }),
    step('allocate', { run: allocate, undo: free }),
    pivot('publish', { commit: publish }),
  ],
  failed: markError,
})

