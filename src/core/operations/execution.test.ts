// What operations do on a real database: forwards, backwards, again, called off.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { DatabaseFull } from '#core/db'
import { BadRequest, Cancelled } from '#core/errors'
import { Type } from '#core/spec'
import { type Bench, noRoom, operationsBench } from '../testing/operations.ts'
import { eventually } from '../testing/real-machine.ts'
import { defineOperation, type OperationFault, pivot, StartAgain, step } from './index.ts'

test('the steps run in order, each sees the results of those before it, and the journal has them all', async (t) => {
  const add = defineOperation<Bench, unknown>('add', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('one', { run: async () => 1 }),
      step('two', { commit: async (_tx, _service, run) => (run.result<number>('one') ?? 0) + 1 }),
      pivot('three', { run: async (service, run) => void service.events.push(`sum ${run.result<number>('two')}`) }),
    ],
  })
  const { start, row } = await operationsBench(t, [add])
  const { operations, events, id, settled } = await start(add)
  await settled()
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
  const { start, row } = await operationsBench(t, [fail])
  const { events, id, settled } = await start(fail)
  await settled()
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
  const { start, work } = await operationsBench(t, [long])
  const { worker, events } = await start(long)
  await reached.promise
  worker.stop()
  await work(events).settled()
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
  const { database, start, row } = await operationsBench(t, [wait])
  const { operations, events, id, settled } = await start(wait)
  await running.promise
  await database.transaction((tx) => operations.cancel(tx, 'r'))
  await settled()
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
  const { start, row } = await operationsBench(t, [stubborn])
  const { id, settled } = await start(stubborn)
  await settled()
  assert.equal(tries, 2)
  assert.equal((await row(id)).status, 'done')
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
  const { start, row } = await operationsBench(t, [build])
  const { events, id, settled } = await start(build)
  await settled()
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
  const { database, begin, work, row } = await operationsBench(t, [build])
  const { operations, events, settled } = work()
  const id = await begin(operations, build)
  await settled()
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
  const { start } = await operationsBench(t, [build])
  const { operations, events, id, settled } = await start(build)
  await settled()
  assert.deepEqual(events, ['look', 'spawn', 'undo spawn', 'undo look'])
  assert.deepEqual((await operations.journal(id)).map((entry) => `${entry.phase} ${entry.step}`), ['run look', 'run spawn', 'undo spawn', 'undo look'])
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
  const { start } = await operationsBench(t, [fail])
  const { settled } = await start(fail)
  await settled()
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
  const { start, row } = await operationsBench(t, [two], { refuse: () => (events.length === 1 && refusals++ === 0 ? noRoom : undefined) })
  const { operations, id, settled } = await start(two, events)
  await settled()
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
  const { start } = await operationsBench(t, [fail])
  const { settled } = await start(fail)
  await settled()
  assert.deepEqual(faults, [{ step: 'a', status: 409, code: 'cancelled', message: 'The compute service stops.', cancelled: false }])
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
  const { start, row } = await operationsBench(t, [write])
  const { events, id, settled } = await start(write)
  await eventually('the operation rests', async () => (await row(id)).not_before !== null)
  assert.deepEqual([events, (await row(id)).status], [['a', 'no room'], 'running'])
  full = false
  await settled()
  assert.deepEqual([events, (await row(id)).status], [['a', 'no room', 'room'], 'done'])
})
