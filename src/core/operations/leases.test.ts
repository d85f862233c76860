// Who may go on with an operation, and who no longer may: leases taken over, held up, and not given back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { DatabaseFull } from '#core/db'
import { BadRequest } from '#core/errors'
import { Type } from '#core/spec'
import { handClock } from '../testing/hand-clock.ts'
import { type Bench, noRoom, operationsBench, systemCapabilities } from '../testing/operations.ts'
import { quickClock } from '../testing/quick-clock.ts'
import { eventually } from '../testing/real-machine.ts'
import { defineOperation, fence, pivot, step } from './index.ts'

test('a worker whose lease was taken over writes nothing more', async (t) => {
  const inside = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const slow = defineOperation<Bench, unknown>('slow', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [pivot('a', { run: async (s) => { s.events.push('a'); inside.resolve(); await goOn.promise; return 'late' } })],
  })
  const { database, start, row } = await operationsBench(t, [slow])
  const { operations, worker, id } = await start(slow)
  await inside.promise
  await database.transaction((tx) => tx.updateTable('operations').set({ epoch: 7, lease_owner: 'other', lease_until: '2999-01-01T00:00:00Z' }).where('id', '=', id).execute())
  goOn.resolve()
  await eventually('the worker has put it down', () => worker.running === 0)
  assert.deepEqual([(await row(id)).status, (await row(id)).epoch, (await operations.journal(id))[0]?.result], ['running', 7, null])
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
    const { database, start, row } = await operationsBench(t, [two], { clock })
    const { operations, worker, events, id } = await start(two)
    const done = undoing ? ['a', 'b'] : ['a']
    await eventually('the step is over', async () => {
      const { status, position } = await row(id)
      return undoing ? status === 'undoing' : position === 1
    })
    await database.transaction((tx) => tx.updateTable('operations').set({ epoch: 7, lease_owner: 'other', lease_until: '2999-01-01T00:00:00Z' }).where('id', '=', id).execute())
    const journal = await operations.journal(id)
    behind = 31_000
    open()
    gate = undefined
    await eventually('the worker has put it down', () => worker.running === 0)
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
  const { start, work } = await operationsBench(t, [long], { refuse: () => (transactions !== undefined && ++transactions === 2 ? noRoom : undefined) })
  const { worker, events } = await start(long)
  await reached.promise
  worker.stop()
  transactions = 0
  await work(events).settled()
  assert.deepEqual(events, ['a in epoch 1', 'a in epoch 3'])
})

test('an operation whose lease could not be given back is taken up when it has run out, while its worker is busy with others', async (t) => {
  const clock = handClock()
  const end = Promise.withResolvers<void>()
  const events: string[] = []
  const short = defineOperation<Bench, unknown>('short', {
    input: Type.Object({}), deadlineSeconds: 600, onCrash: 'resume',
    steps: [step('a', { run: async (s, run) => void s.events.push(`a in epoch ${run.epoch}`) })],
  })
  const long = defineOperation<Bench, unknown>('long', { input: Type.Object({}), deadlineSeconds: 600, onCrash: 'resume', steps: [step('b', { run: () => end.promise })] })
  // Neither the end of the step nor the return of the lease can be written.
  const { make, begin, start, row } = await operationsBench(t, [short, long], { clock, refuse: () => (events.length === 1 && clock.monotonic() <= 30_000 ? noRoom : undefined) })
  t.after(() => end.resolve())
  await begin(make(), long, 'busy')
  const { worker, id } = await start(short, events)
  await eventually('it was put down', () => events.length === 1 && worker.running === 1)
  await clock.move(29)
  assert.notEqual((await row(id)).lease_owner, null)
  await clock.move(7)
  await eventually('its end', async () => (await row(id)).finished_at !== null)
  assert.deepEqual(events, ['a in epoch 1', 'a in epoch 2'])
})

test('an operation that was put down on a disk so full that not even that could be written goes on soon after there is room', async (t) => {
  const clock = handClock()
  let full = false
  const events: string[] = []
  const short = defineOperation<Bench, unknown>('short', {
    input: Type.Object({}), deadlineSeconds: 600, onCrash: 'resume',
    steps: [step('a', { run: async (s, run) => {
      s.events.push(`a in epoch ${run.epoch}`)
      full = run.epoch === 1
    } })],
  })
  const { start, row } = await operationsBench(t, [short], { clock, refuse: () => (full ? new DatabaseFull('no room') : undefined) })
  const { worker, id } = await start(short, events)
  await eventually('it was put down', () => full && worker.running === 0)
  full = false
  // Long before its lease runs out.
  await clock.move(5)
  await eventually('the return of the lease', async () => (await row(id)).lease_owner === null)
  await clock.move(10)
  await eventually('its end', async () => (await row(id)).finished_at !== null)
  assert.deepEqual(events, ['a in epoch 1', 'a in epoch 2'])
})

test('what an earlier lease writes into another database is refused once a later one has written there, and only there', async (t) => {
  const { database } = await operationsBench(t, [])
  const write = (id: string, epoch: number) => database.transaction((tx) => fence(tx, { id, epoch }, systemCapabilities))
  await write('one', 2)
  await write('one', 2)
  await write('one', 4)
  await assert.rejects(write('one', 3), { code: 'operation.lease_lost' })
  await write('other', 1)
  await write('one', 4)
})

/** Works until it is called off. */
const endless = defineOperation<Bench, unknown>('endless', {
  input: Type.Object({}), deadlineSeconds: 3600, onCrash: 'resume',
  steps: [step('work', {
    run: (s, run) => new Promise((_resolve, reject) => {
      s.events.push('works')
      run.signal.throwIfAborted()
      run.signal.addEventListener('abort', () => reject(run.signal.reason), { once: true })
    }),
  })],
})

test('an operation that is called off just as a worker takes it hears of it', async (t) => {
  let callOff: (() => Promise<unknown>) | undefined
  const { database, begin, work, row } = await operationsBench(t, [endless], {
    refuse: () => {
      void callOff?.()
      callOff = undefined
      return undefined
    },
  })
  const { operations, settled } = work()
  callOff = () => database.transaction((tx) => operations.cancel(tx, 'r'))
  const id = await begin(operations, endless)
  await settled()
  assert.equal((await row(id)).status, 'cancelled')
})

test('an operation that was called off stops, though the word of it never came to the worker that has it', async (t) => {
  const { database, make, start, row } = await operationsBench(t, [endless], { clock: quickClock(50) })
  const { events, id, settled } = await start(endless)
  await eventually('it is at work', () => events.length === 1)
  await database.transaction((tx) => make().cancel(tx, 'r'))
  await settled()
  assert.equal((await row(id)).status, 'cancelled')
})

test('only the operations of one kind are called off where that is asked for', async (t) => {
  const other = { ...endless, kind: 'other' }
  const { database, begin, work, row } = await operationsBench(t, [endless, other])
  const { operations, events } = work()
  const [first, second] = [await begin(operations, endless), await begin(operations, other)]
  await eventually('both are at work', () => events.length === 2)
  assert.deepEqual(await database.transaction((tx) => operations.cancel(tx, 'r', { kind: 'other' })), [second])
  await eventually('it has stopped', async () => (await row(second)).status === 'cancelled')
  assert.equal((await row(first)).status, 'running')
})

test('what is leased while its worker stops is not begun, and is done by the next incarnation', async (t) => {
  const quick = defineOperation<Bench, unknown>('quick', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume', steps: [pivot('a', { run: async (s) => void s.events.push('a') })],
  })
  let stop = (): void => {}
  const { begin, work, row, make } = await operationsBench(t, [quick], { refuse: () => void stop() })
  const id = await begin(make(), quick)
  const first = work()
  stop = () => first.worker.stop()
  await eventually('it is leased', async () => (await row(id)).lease_owner !== null)
  for (let turns = 0; turns < 10; turns++) await systemClock.turn()
  assert.deepEqual([first.events, first.worker.running], [[], 0])
  stop = () => {}
  const second = work()
  await second.settled()
  assert.deepEqual([first.events, second.events, (await row(id)).status], [[], ['a'], 'done'])
})

test('a step that may not be called off any more, and an undo, hear that their worker stops', async (t) => {
  for (const undoing of [false, true]) {
    const inside = Promise.withResolvers<void>()
    const waits = async (s: Bench, { signal }: { readonly signal: AbortSignal }): Promise<void> => {
      s.events.push('waits')
      if (s.events.length > 1) return
      inside.resolve()
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
    }
    const long = defineOperation<Bench, unknown>('long', {
      input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
      steps: undoing
        ? [step('a', { undo: waits, run: async () => { throw new BadRequest('no') } }), pivot('b', { run: async () => {} })]
        : [pivot('a', { run: waits })],
    })
    const { start, work, row } = await operationsBench(t, [long])
    const { worker, id, events } = await start(long)
    await inside.promise
    worker.stop()
    await eventually('it is put down', () => worker.running === 0)
    assert.match((await row(id)).status, /^(running|undoing)$/)
    const next = work(events)
    await next.settled()
    assert.deepEqual([next.events, (await row(id)).status], [['waits', 'waits'], undoing ? 'failed' : 'done'])
  }
})

test('what waits for others takes no room from them, however many wait', async (t) => {
  const free = Promise.withResolvers<void>()
  const waits = defineOperation<Bench, unknown>('waits', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('wait', { run: (_s, run) => run.aside(free.promise) }),
      step('work', { run: async (s) => void s.events.push('goes on') }),
    ],
  })
  const frees = defineOperation<Bench, unknown>('frees', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [step('free', {
      run: async (s) => {
        s.events.push('frees')
        free.resolve()
      },
    })],
  })
  const { begin, work, make } = await operationsBench(t, [waits, frees], { concurrency: 2 })
  const before = make()
  for (let count = 0; count < 5; count++) await begin(before, waits)
  await begin(before, frees)
  const { events, settled } = work()
  await settled()
  assert.deepEqual(events, ['frees', ...Array.from({ length: 5 }, () => 'goes on')])
})
