// Durable operations on a real database: forwards, backwards, interrupted, called off.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type RequestContext, systemClock, systemIds, systemRandom } from '#core/context'
import { DatabaseFull, openDatabase } from '#core/db'
import { BadRequest, Cancelled } from '#core/errors'
import { silentLog } from '#core/observe'
import { Type } from '#core/spec'
import { createOperations, defineOperation, type Definition, fence, type OperationFault, operationMigration, type OperationTables, pivot, StartAgain, step } from './index.ts'

const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
const ctx: RequestContext = {
  requestId: 'req-1', signal: new AbortController().signal, log: silentLog,
  identity: { userId: 'u', userName: 'u', userDomainId: 'default', userDomainName: 'Default', projectId: 'p', roles: ['member'] },
}

interface Bench {
  readonly events: string[]
}

async function bench(t: TestContext, definitions: Definition<Bench>[], refuse: () => boolean = () => false) {
  const database = await openDatabase<OperationTables>({ name: 'test', file: ':memory:', migrations: [operationMigration], clock: systemClock, log: silentLog })
  t.after(() => database.close())
  const failing = {
    ...database, read: database.read,
    transaction: ((work, options) => (refuse() ? Promise.reject(new Error('database or disk is full')) : database.transaction(work, options))) as typeof database.transaction,
  }
  const make = () => createOperations<Bench>({ database: failing, definitions, capabilities, owner: 'host/worker' })
  const begin = (operations: ReturnType<typeof make>, definition: Definition<Bench>, resourceId = 'r') =>
    database.transaction((tx) => operations.begin(tx, ctx, definition, { resourceId, input: {} }))
  const row = (id: string) => database.read.selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  return { database, make, begin, row }
}

const settled = { signal: AbortSignal.timeout(5000) }

test('the steps run in order, each sees the results of those before it, and the journal has them all', async (t) => {
  const add = defineOperation<Bench, unknown>('add', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('one', { run: async () => 1 }),
      step('two', { commit: async (_tx, _service, run) => (run.result<number>('one') ?? 0) + 1 }),
      pivot('three', { run: async (service, run) => void service.events.push(`sum ${run.result<number>('two')}`) }),
    ],
  })
  const { make, begin, row } = await bench(t, [add])
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  t.after(() => worker.stop())
  const id = await begin(operations, add)
  await operations.settled('r', settled)
  assert.deepEqual(events, ['sum 2'])
  assert.equal((await row(id)).status, 'done')
  assert.deepEqual((await operations.journal(id)).map((entry) => [entry.step, entry.phase, entry.status, entry.result]), [
    ['one', 'run', 'done', '1'], ['two', 'run', 'done', '2'], ['three', 'run', 'done', null],
  ])
})

test('a failed step undoes what was done, backwards, and the fault names the step and the reason', async (t) => {
  const faults: unknown[] = []
  const fail = defineOperation<Bench, unknown>('fail', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('a', { run: async (s) => void s.events.push('a'), undo: async (s) => void s.events.push('undo a') }),
      step('b', { run: async (s) => void s.events.push('b'), undo: async (s) => void s.events.push('undo b') }),
      step('c', { run: async () => { throw new BadRequest('no such flavor') } }),
    ],
    failed: async (_tx, _service, _run, fault) => void faults.push(fault),
  })
  const { make, begin, row } = await bench(t, [fail])
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  t.after(() => worker.stop())
  const id = await begin(operations, fail)
  await operations.settled('r', settled)
  assert.deepEqual(events, ['a', 'b', 'undo b', 'undo a'])
  assert.equal((await row(id)).status, 'failed')
  assert.deepEqual(faults, [{ step: 'c', status: 400, code: 'bad_request', message: 'no such flavor', cancelled: false }])
})

test('a new incarnation goes on at the step where the former one stopped', async (t) => {
  const reached = Promise.withResolvers<void>()
  let first = true
  const long = defineOperation<Bench, unknown>('long', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('a', { run: async (s) => void s.events.push('a') }),
      step('b', {
        run: async (s, run) => {
          s.events.push(`b in epoch ${run.epoch}`)
          if (!first) return
          first = false
          reached.resolve()
          await new Promise(() => {})
        },
      }),
      pivot('c', { run: async (s) => void s.events.push('c') }),
    ],
  })
  const { make, begin } = await bench(t, [long])
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  await begin(operations, long)
  await reached.promise
  worker.stop()
  const next = make()
  const nextWorker = next.work({ events })
  t.after(() => nextWorker.stop())
  await next.settled('r', settled)
  assert.deepEqual(events, ['a', 'b in epoch 1', 'b in epoch 2', 'c'])
})

test('a call-off before the pivot stops the running step and undoes; its fault says so', async (t) => {
  const running = Promise.withResolvers<void>()
  const faults: unknown[] = []
  const wait = defineOperation<Bench, unknown>('wait', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('a', { run: async (s) => void s.events.push('a'), undo: async (s) => void s.events.push('undo a') }),
      step('b', {
        run: async (_s, run) => {
          running.resolve()
          await systemClock.sleep(60_000, run.signal)
        },
      }),
    ],
    failed: async (_tx, _s, _run, fault) => void faults.push([fault.step, fault.cancelled]),
  })
  const { database, make, begin, row } = await bench(t, [wait])
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  t.after(() => worker.stop())
  const id = await begin(operations, wait)
  await running.promise
  await database.transaction((tx) => operations.cancel(tx, 'r'))
  await operations.settled('r', settled)
  assert.deepEqual(events, ['a', 'undo a'])
  assert.equal((await row(id)).status, 'cancelled')
  assert.deepEqual(faults, [['b', true]])
})

test('after the pivot a failing step is tried until it succeeds', async (t) => {
  let tries = 0
  const stubborn = defineOperation<Bench, unknown>('stubborn', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      pivot('publish', { run: async () => {} }),
      step('tidy', { run: async () => { if (++tries < 2) throw new Error('not yet') } }),
    ],
  })
  const { make, begin, row } = await bench(t, [stubborn])
  const operations = make()
  const worker = operations.work({ events: [] })
  t.after(() => worker.stop())
  const id = await begin(operations, stubborn)
  await operations.settled('r', settled)
  assert.equal(tries, 2)
  assert.equal((await row(id)).status, 'done')
})

test('a worker whose lease was taken over writes nothing more', async (t) => {
  const inside = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const slow = defineOperation<Bench, unknown>('slow', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [pivot('a', { run: async (s) => { s.events.push('a'); inside.resolve(); await goOn.promise; return 'late' } })],
  })
  const { database, make, begin, row } = await bench(t, [slow])
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  t.after(() => worker.stop())
  const id = await begin(operations, slow)
  await inside.promise
  await database.transaction((tx) => tx.updateTable('operations').set({ epoch: 7, lease_owner: 'other', lease_until: '2999-01-01T00:00:00Z' }).where('id', '=', id).execute())
  goOn.resolve()
  await systemClock.sleep(50)
  assert.deepEqual([(await row(id)).status, (await row(id)).epoch, (await operations.journal(id))[0]?.result], ['running', 7, null])
})

test('a step may ask to start again: what it names and all after it is undone and done anew, and results of the first round are gone', async (t) => {
  const build = defineOperation<Bench, unknown>('build', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('accept', { run: async (s) => void s.events.push('accept'), undo: async (s) => void s.events.push('undo accept') }),
      step('choose', {
        run: async (s) => {
          s.events.push('choose')
          return s.events.filter((event) => event === 'choose').length
        },
        undo: async (s, run) => void s.events.push(`undo choose ${run.result<number>('choose')} for ${run.fault?.message}`),
      }),
      step('spawn', {
        run: async (s, run) => {
          s.events.push(`spawn ${run.result<number>('choose')}`)
          if (run.result<number>('choose') === 1) throw new StartAgain('choose', new BadRequest('this host is full'))
        },
        undo: async (s) => void s.events.push('undo spawn'),
      }),
    ],
  })
  const { make, begin, row } = await bench(t, [build])
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  t.after(() => worker.stop())
  const id = await begin(operations, build)
  await operations.settled('r', settled)
  assert.deepEqual(events, ['accept', 'choose', 'spawn 1', 'undo spawn', 'undo choose 1 for this host is full', 'choose', 'spawn 2'])
  const { status, fault } = await row(id)
  assert.deepEqual({ status, fault }, { status: 'done', fault: null })
})

test('what is called off on its way to a new start is undone wholly, and its steps are told that', async (t) => {
  const build = defineOperation<Bench, unknown>('build', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('accept', { run: async (s) => void s.events.push('accept'), undo: async (s) => void s.events.push('undo accept') }),
      step('choose', {
        run: async (s) => void s.events.push('choose'),
        undo: async (s, run) => {
          s.events.push(`undo choose ${run.fault?.again === undefined ? 'for good' : 'for another one'}`)
          await database.transaction((tx) => operations.cancel(tx, run.resourceId))
        },
      }),
      step('spawn', { run: async () => { throw new StartAgain('choose', new BadRequest('this host is full')) } }),
    ],
  })
  const { database, make, begin, row } = await bench(t, [build])
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  t.after(() => worker.stop())
  const id = await begin(operations, build)
  await operations.settled('r', settled)
  assert.deepEqual(events, ['accept', 'choose', 'undo choose for another one', 'undo choose for good', 'undo accept'])
  assert.equal((await row(id)).status, 'cancelled')
})

test('a step that has nothing to do is passed over, and neither done nor undone', async (t) => {
  const build = defineOperation<Bench, unknown>('build', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('look', { run: async (s) => { s.events.push('look'); return { volumes: 0 } }, undo: async (s) => void s.events.push('undo look') }),
      step('volumes', { skip: (run) => run.result<{ volumes: number }>('look')?.volumes === 0, run: async (s) => void s.events.push('volumes'), undo: async (s) => void s.events.push('undo volumes') }),
      step('more', { skip: () => true, run: async (s) => void s.events.push('more') }),
      step('spawn', { run: async (s) => { s.events.push('spawn'); throw new BadRequest('no') }, undo: async (s) => void s.events.push('undo spawn') }),
    ],
  })
  const { make, begin } = await bench(t, [build])
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  t.after(() => worker.stop())
  const id = await begin(operations, build)
  await operations.settled('r', settled)
  assert.deepEqual(events, ['look', 'spawn', 'undo spawn', 'undo look'])
  assert.deepEqual((await operations.journal(id)).map((entry) => `${entry.phase} ${entry.step}`), ['run look', 'run spawn', 'undo spawn', 'undo look'])
})

test('a worker that was held up longer than its lease lasts does nothing more, forwards or back, once another one has taken over', async (t) => {
  for (const undoing of [false, true]) {
    let behind = 0
    let gate: Promise<void> | undefined
    let open = (): void => {}
    const clock = {
      ...systemClock, monotonic: () => systemClock.monotonic() + behind,
      turn: async () => {
        await gate
        return systemClock.turn()
      },
    }
    const close = () => {
      gate = new Promise((resolve) => {
        open = resolve
      })
    }
    const two = defineOperation<Bench, unknown>('two', {
      input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
      steps: [
        step('a', {
          run: async (s) => {
            s.events.push('a')
            if (!undoing) close()
          },
          undo: async (s) => void s.events.push('undo a'),
        }),
        step('b', {
          run: async (s) => {
            s.events.push('b')
            if (!undoing) return
            close()
            throw new BadRequest('no')
          },
        }),
      ],
    })
    const { database, begin, row } = await bench(t, [two])
    const operations = createOperations<Bench>({ database, definitions: [two], capabilities: { ...capabilities, clock }, owner: 'host/worker' })
    const events: string[] = []
    const worker = operations.work({ events })
    t.after(() => worker.stop())
    const id = await begin(operations, two)
    const done = undoing ? ['a', 'b'] : ['a']
    while (events.length < done.length || (await row(id)).status !== (undoing ? 'undoing' : 'running') || (!undoing && (await row(id)).position === 0)) await systemClock.sleep(5)
    await database.transaction((tx) => tx.updateTable('operations').set({ epoch: 7, lease_owner: 'other', lease_until: '2999-01-01T00:00:00Z' }).where('id', '=', id).execute())
    const journal = await operations.journal(id)
    behind = 31_000
    open()
    gate = undefined
    await systemClock.sleep(50)
    assert.deepEqual(events, done)
    assert.deepEqual(await operations.journal(id), journal)
    assert.equal((await row(id)).epoch, 7)
  }
})

test('an operation whose takeover could not be written down is taken up again later, not held for ever', async (t) => {
  const reached = Promise.withResolvers<void>()
  let transactions: number | undefined
  const long = defineOperation<Bench, unknown>('long', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('a', {
        run: async (s, run) => {
          s.events.push(`a in epoch ${run.epoch}`)
          if (run.epoch > 1) return
          reached.resolve()
          await new Promise(() => {})
        },
      }),
    ],
  })
  // Of the second incarnation: the lease is written, the second transaction after it fails, once.
  const { make, begin } = await bench(t, [long], () => transactions !== undefined && ++transactions === 2)
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  await begin(operations, long)
  await reached.promise
  worker.stop()
  transactions = 0
  const next = make()
  const nextWorker = next.work({ events })
  t.after(() => nextWorker.stop())
  await next.settled('r', { signal: AbortSignal.timeout(20_000) })
  assert.deepEqual(events, ['a in epoch 1', 'a in epoch 3'])
})

test('an operation whose lease could not be given back is taken up when it has run out, while its worker is busy with others', async (t) => {
  const faster = 100
  const clock = {
    ...systemClock, now: () => new Date(Date.UTC(2026, 0, 1) + systemClock.monotonic() * faster), monotonic: () => systemClock.monotonic() * faster,
    after: (milliseconds: number, run: () => void) => systemClock.after(milliseconds / faster, run),
  }
  let refused = 0
  const end = Promise.withResolvers<void>()
  const short = defineOperation<Bench, unknown>('short', {
    input: Type.Object({}), deadlineSeconds: 600_000, onCrash: 'resume',
    steps: [step('a', { run: async (s, run) => {
      s.events.push(`a in epoch ${run.epoch}`)
      // Neither its end nor the return of the lease can be written.
      if (run.epoch === 1) refused = 3
    } })],
  })
  const long = defineOperation<Bench, unknown>('long', { input: Type.Object({}), deadlineSeconds: 600_000, onCrash: 'resume', steps: [step('b', { run: () => end.promise })] })
  const { database, begin, row } = await bench(t, [short, long])
  const failing = {
    ...database, read: database.read,
    transaction: ((work, options) => (refused-- > 0 ? Promise.reject(new Error('database or disk is full')) : database.transaction(work, options))) as typeof database.transaction,
  }
  const operations = createOperations<Bench>({ database: failing, definitions: [short, long], capabilities: { ...capabilities, clock }, owner: 'host/worker' })
  const events: string[] = []
  await begin(operations, long, 'busy')
  const worker = operations.work({ events })
  t.after(() => {
    end.resolve()
    worker.stop()
  })
  const id = await begin(operations, short)
  const patience = AbortSignal.timeout(20_000)
  while ((await row(id)).finished_at === null) await systemClock.sleep(20, patience)
  assert.deepEqual(events, ['a in epoch 1', 'a in epoch 2'])
})

test('an operation that was put down on a disk so full that not even that could be written goes on soon after there is room', async (t) => {
  const faster = 50
  const clock = {
    ...systemClock, now: () => new Date(Date.UTC(2026, 0, 1) + systemClock.monotonic() * faster), monotonic: () => systemClock.monotonic() * faster,
    after: (milliseconds: number, run: () => void) => systemClock.after(milliseconds / faster, run),
  }
  let full = false
  const began: number[] = []
  const short = defineOperation<Bench, unknown>('short', {
    input: Type.Object({}), deadlineSeconds: 600, onCrash: 'resume',
    steps: [step('a', { run: async () => {
      full = began.push(clock.monotonic()) === 1
    } })],
  })
  const { database, begin, row } = await bench(t, [short])
  const refusing = {
    ...database, read: database.read,
    transaction: ((work, options) => (full ? Promise.reject(new DatabaseFull('no room')) : database.transaction(work, options))) as typeof database.transaction,
  }
  const operations = createOperations<Bench>({ database: refusing, definitions: [short], capabilities: { ...capabilities, clock }, owner: 'host/worker' })
  const worker = operations.work({ events: [] })
  t.after(() => worker.stop())
  const id = await begin(operations, short)
  while (began.length === 0) await systemClock.sleep(5)
  await systemClock.sleep(40)
  full = false
  const patience = AbortSignal.timeout(20_000)
  while ((await row(id)).finished_at === null) await systemClock.sleep(5, patience)
  const [first = 0, second = 0] = began
  assert.ok(second - first < 25_000, `it took ${second - first} ms`)
})

test('what takes a step back speaks with a later epoch than the step, so that a late word of the step is refused', async (t) => {
  const epochs: [string, number][] = []
  const fail = defineOperation<Bench, unknown>('fail', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('a', {
        run: async (_s, run) => {
          epochs.push(['run', run.epoch])
          throw epochs.length === 1 ? new StartAgain('a', new BadRequest('not here')) : new BadRequest('not there')
        },
        undo: async (_s, run) => void epochs.push(['undo', run.epoch]),
      }),
    ],
  })
  const { make, begin } = await bench(t, [fail])
  const operations = make()
  const worker = operations.work({ events: [] })
  t.after(() => worker.stop())
  await begin(operations, fail)
  await operations.settled('r', { signal: AbortSignal.timeout(5000) })
  assert.deepEqual(epochs, [['run', 1], ['undo', 2], ['run', 3], ['undo', 4]])
})

test('a step that was done, but whose end could not be written down, has not failed: it is done again, and nothing is undone', async (t) => {
  const events: string[] = []
  let refusals = 0
  const two = defineOperation<Bench, unknown>('two', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('a', { run: async (s, run) => void s.events.push(`a in epoch ${run.epoch}`), undo: async (s) => void s.events.push('undo a') }),
      pivot('b', { commit: async (_tx, s) => void s.events.push('b') }),
    ],
  })
  const { make, begin, row } = await bench(t, [two], () => events.length === 1 && refusals++ === 0)
  const operations = make()
  const worker = operations.work({ events })
  t.after(() => worker.stop())
  const id = await begin(operations, two)
  await operations.settled('r', { signal: AbortSignal.timeout(20_000) })
  assert.deepEqual(events, ['a in epoch 1', 'a in epoch 2', 'b'])
  assert.equal((await row(id)).status, 'done')
  assert.deepEqual((await operations.journal(id)).filter((entry) => entry.status === 'failed'), [])
})

test('a step whose work was called off elsewhere has failed: nobody called its operation off', async (t) => {
  const faults: OperationFault[] = []
  const fail = defineOperation<Bench, unknown>('fail', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [step('a', { run: async () => { throw new Cancelled('The compute service stops.') } })],
    async failed(_tx, _service, _run, fault) {
      faults.push(fault)
    },
  })
  const { make, begin } = await bench(t, [fail])
  const operations = make()
  const worker = operations.work({ events: [] })
  t.after(() => worker.stop())
  await begin(operations, fail)
  await operations.settled('r', { signal: AbortSignal.timeout(5000) })
  assert.deepEqual(faults, [{ step: 'a', status: 409, code: 'cancelled', message: 'The compute service stops.', cancelled: false }])
})

test('what an earlier lease writes into another database is refused once a later one has written there, and only there', async (t) => {
  const { database } = await bench(t, [])
  const write = (id: string, epoch: number) => database.transaction((tx) => fence(tx, { id, epoch }, capabilities))
  await write('one', 2)
  await write('one', 2)
  await write('one', 4)
  await assert.rejects(write('one', 3), { code: 'operation.lease_lost' })
  await write('other', 1)
  await write('one', 4)
})

test('while the disk is full an operation waits where it is, and goes on when there is room', async (t) => {
  let full = true
  const write = defineOperation<Bench, unknown>('write', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('a', { run: async (s) => void s.events.push('a'), undo: async (s) => void s.events.push('undo a') }),
      step('b', {
        commit: async (_tx, s) => {
          s.events.push(full ? 'no room' : 'room')
          if (full) throw new DatabaseFull('no room')
        },
        undo: async (s) => void s.events.push('undo b'),
      }),
    ],
  })
  const { make, begin, row } = await bench(t, [write])
  const operations = make()
  const events: string[] = []
  const worker = operations.work({ events })
  t.after(() => worker.stop())
  const id = await begin(operations, write)
  for (let tries = 0; tries < 500 && (await row(id)).not_before === null; tries++) await systemClock.sleep(10)
  assert.deepEqual([events, (await row(id)).status], [['a', 'no room'], 'running'])
  full = false
  await operations.settled('r', { signal: AbortSignal.timeout(30_000) })
  assert.deepEqual([events, (await row(id)).status], [['a', 'no room', 'room'], 'done'])
})
