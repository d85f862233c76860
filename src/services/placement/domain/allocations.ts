// What consumers hold: set for one or many in one transaction, checked against capacity, freed.
import type { RequestContext } from '#core/context'
import { BadRequest, NotFound } from '#core/errors'
import { allocationsFrom, allocationsOf, consumersOf, deleteAllocationsOf, deleteConsumers, insertAllocations, insertConsumers, updateConsumer } from '../db/allocations.ts'
import { spendKey } from '../db/claim-keys.ts'
import type { AllocationRow, ConsumerRow } from '../db/tables.ts'
import { ConcurrentUpdate, doesNotHave, exceedsCapacity, noProvider, noSuchClass, UnknownProvider, violatesConstraints } from '../model/errors.ts'
import { capacityOf, isPortion, type Provider } from '../model/providers.ts'
import { type Change, changeProviders, type Placement } from './change.ts'
import { refuseInUse, setInventories, type WantedInventory } from './inventories.ts'
import { showProvider } from './providers.ts'

/** What a consumer is to hold: amounts by provider and class; nothing at all frees everything. */
export interface Claim {
  readonly consumer: string
  readonly holds: readonly (readonly [provider: string, resources: Readonly<Record<string, number>>])[]
  readonly projectId: string
  readonly userId: string
  /** Null for a consumer that must not exist yet; undefined before 1.28, when nobody compares. */
  readonly generation: number | null | undefined
  /** Undefined before 1.38: what it was stays. */
  readonly type: string | undefined
}

/** @param where what was asked, as a refusal begins */
export function replaceAllocations(placement: Placement, ctx: RequestContext, claims: readonly Claim[], where: string): Promise<void> {
  return changeProviders(placement, ctx, async (change) => {
    await refuseSpentKey(change, ctx, claims)
    await claimAll(change, claims, where)
  })
}

/**
 * A claim of ours comes once: the same request a second time, or after its operation gave the claim back, has no effect.
 *
 * @throws ConcurrentUpdate, as for a consumer that has something: who asks looks what that is
 */
async function refuseSpentKey(change: Change, { idempotencyKey: key }: RequestContext, claims: readonly Claim[]): Promise<void> {
  const consumer = claims[0]?.consumer
  if (key === undefined || consumer === undefined) return
  if (!(await spendKey(change.tx, key, consumer, change.now))) throw new ConcurrentUpdate('This claim was made or given back before.', { consumer })
}

async function claimAll(change: Change, claims: readonly Claim[], where: string): Promise<void> {
  const known = await consumersOf(change.tx, claims.map((claim) => claim.consumer))
  for (const claim of claims) checkConsumer(claim, known.get(claim.consumer))
  const before = await allocationsOf(change.tx, [...known.keys()])
  const usedBefore = release(change, before, new Set(claims.filter((claim) => claim.holds.length === 0).map((claim) => claim.consumer)))
  await deleteAllocationsOf(change.tx, before.length > 0 ? [...known.keys()] : [])
  take(change, claims, usedBefore, where)
  await writeConsumers(change, claims, known)
  await insertAllocations(change.tx, claims.flatMap((claim) => rowsOf(change, claim)))
  for (const { holds } of claims) for (const [provider] of holds) change.raise(provider)
}

function checkConsumer(claim: Claim, known: ConsumerRow | undefined): void {
  if (claim.generation === undefined) return
  const expected = known?.generation ?? null
  if (expected !== claim.generation) {
    throw new ConcurrentUpdate(`consumer generation conflict - expected ${expected ?? 'null'} but got ${claim.generation ?? 'None'}`, { consumer: claim.consumer })
  }
}

type Usage = Map<string, number>
const place = (provider: string, resourceClass: string) => `${provider} ${resourceClass}`

/** Take what is held back from the drafts. @returns what was used before, of the places that changed */
function release(change: Change, rows: readonly AllocationRow[], emptied: ReadonlySet<string>): Usage {
  const before: Usage = new Map()
  for (const row of rows) {
    const { used } = change.draft(row.provider_uuid)
    const now = used.get(row.resource_class) ?? 0
    const key = place(row.provider_uuid, row.resource_class)
    if (!before.has(key)) before.set(key, now)
    used.set(row.resource_class, now - row.used)
    if (emptied.has(row.consumer_uuid)) change.raise(row.provider_uuid)
  }
  return before
}

/**
 * Give the drafts what is claimed.
 *
 * A provider beyond its capacity may still take a claim that does not make it worse (as upstream: an inventory that
 * shrank must not keep its consumers from getting smaller).
 */
function take(change: Change, claims: readonly Claim[], usedBefore: Usage, where: string): void {
  const wanted = new Map<string, { provider: Provider; resourceClass: string; amount: number }>()
  for (const { holds } of claims) {
    for (const [uuid, resources] of holds) {
      const provider = change.find(uuid)
      if (!provider) throw new BadRequest(`Allocation for resource provider '${uuid}' that does not exist.`)
      for (const [resourceClass, amount] of Object.entries(resources)) {
        if (!change.view.hasClass(resourceClass)) throw noSuchClass(resourceClass, where)
        const inventory = provider.inventories.get(resourceClass)
        if (!inventory) throw doesNotHave(resourceClass, uuid)
        if (!isPortion(inventory, amount)) throw violatesConstraints(resourceClass, uuid)
        const key = place(uuid, resourceClass)
        const sum = wanted.get(key)
        if (sum) sum.amount += amount
        else wanted.set(key, { provider, resourceClass, amount })
      }
    }
  }
  for (const [key, { provider: { uuid }, resourceClass, amount }] of wanted) {
    const draft = change.draft(uuid)
    const inventory = draft.inventories.get(resourceClass)
    const after = (draft.used.get(resourceClass) ?? 0) + amount
    if (!inventory || (after > capacityOf(inventory) && after > (usedBefore.get(key) ?? 0))) throw exceedsCapacity(resourceClass, uuid)
    draft.used.set(resourceClass, after)
  }
}

async function writeConsumers(change: Change, claims: readonly Claim[], known: ReadonlyMap<string, ConsumerRow>): Promise<void> {
  const made: ConsumerRow[] = []
  const gone: string[] = []
  for (const claim of claims) {
    const before = known.get(claim.consumer)
    if (claim.holds.length === 0) {
      if (before) gone.push(claim.consumer)
      continue
    }
    const row: ConsumerRow = {
      uuid: claim.consumer, project_id: claim.projectId, user_id: claim.userId, consumer_type: claim.type ?? before?.consumer_type ?? null,
      generation: (before?.generation ?? 0) + 1, created_at: before?.created_at ?? change.now, updated_at: change.now,
    }
    if (!before) made.push(row)
    else if (!(await updateConsumer(change.tx, before.generation, row))) {
      throw new ConcurrentUpdate('The consumer changed meanwhile; read its allocations again and retry.', { consumer: claim.consumer })
    }
  }
  await insertConsumers(change.tx, made)
  await deleteConsumers(change.tx, gone)
}

function rowsOf(change: Change, claim: Claim): AllocationRow[] {
  return claim.holds.flatMap(([provider, resources]) =>
    Object.entries(resources).map(([resourceClass, used]) => ({
      consumer_uuid: claim.consumer, provider_uuid: provider, resource_class: resourceClass, used, created_at: change.now,
    })))
}

/**
 * With the key of a claim, that claim has no effect any more, however late it comes; and what comes a second time leaves alone what
 * was claimed with another key since. @throws NotFound when nothing was held
 */
export async function deleteAllocations(placement: Placement, ctx: RequestContext, consumer: string): Promise<void> {
  const held = await changeProviders(placement, ctx, async (change) => {
    const { idempotencyKey: key } = ctx
    if (key !== undefined) {
      await spendKey(change.tx, key, consumer, change.now)
      if (!(await spendKey(change.tx, `${key}/given-back`, consumer, change.now))) return false
    }
    const rows = await allocationsOf(change.tx, [consumer])
    release(change, rows, new Set())
    await deleteAllocationsOf(change.tx, rows.length > 0 ? [consumer] : [])
    await deleteConsumers(change.tx, rows.length > 0 ? [consumer] : [])
    return rows.length > 0
  })
  if (!held) throw new NotFound(`No allocations for consumer '${consumer.slice(0, 80)}'`)
}

export interface Held {
  readonly consumer: ConsumerRow | undefined
  readonly rows: readonly AllocationRow[]
  readonly providers: ReadonlyMap<string, Provider>
}

export async function showAllocations(placement: Placement, consumer: string): Promise<Held> {
  const view = await placement.view.current()
  const rows = await allocationsOf(placement.database.read, [consumer])
  const known = rows.length === 0 ? undefined : (await consumersOf(placement.database.read, [consumer])).get(consumer)
  return { consumer: known, rows, providers: view.providers }
}

export async function listProviderAllocations(placement: Placement, uuid: string) {
  const provider = await showProvider(placement, uuid)
  return { provider, rows: await allocationsFrom(placement.database.read, uuid) }
}

export interface Reshaping {
  readonly inventories: readonly { readonly provider: string; readonly generation: number; readonly wanted: ReadonlyMap<string, WantedInventory> }[]
  readonly claims: readonly Claim[]
}

/**
 * Set inventories and what is held of them together; afterwards nothing may be held of a class that is gone. Three steps, of which each raises the
 * generations of what it touches, as clients reckon with (placement/objects/reshaper.py): inventories, unless there are to be none, claims, inventories.
 */
export function reshape(placement: Placement, ctx: RequestContext, { inventories, claims }: Reshaping): Promise<void> {
  const where = 'malformed reshaper data: '
  return changeProviders(placement, ctx, async (change) => {
    for (const { provider, generation, wanted } of inventories) {
      if (!change.find(provider)) throw new UnknownProvider(`Resource provider ${provider} in inventories not found: ${noProvider(provider).message}`)
      const draft = change.draft(provider)
      if (draft.generation !== generation) {
        throw new ConcurrentUpdate(`resource provider generation conflict for provider ${provider}: actual: ${draft.generation}, given: ${generation}`)
      }
      for (const name of wanted.keys()) if (!change.view.hasClass(name)) throw noSuchClass(name, where)
      if (wanted.size > 0) await setInventories(change, provider, wanted)
    }
    change.nextStep()
    if (claims.length > 0) await claimAll(change, claims, where)
    change.nextStep()
    for (const { provider, wanted } of inventories) {
      refuseInUse(change, provider, wanted, 'update conflict: ')
      if (wanted.size > 0) change.raise(provider)
      else await setInventories(change, provider, wanted)
    }
  })
}
