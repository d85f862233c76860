// What decides between KVM and TCG, tried with real guests.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { canUseRealMachine, useRealMachine } from '../../../../core/testing/real-machine.ts'
import { findAccelerator, probe } from './acceleration.ts'

const needs = canUseRealMachine('qemu-system-x86_64') ? {} : { skip: 'needs root and QEMU' }

test('a probe guest that can do all that a kernel does says so', needs, async (t) => {
  const { directory, privileged, call } = await useRealMachine(t, 'acc')
  assert.equal(await probe(call, { directory, privileged, clock: systemClock }, 'tcg', 120), 'rltcK')
  assert.deepEqual([...(await privileged.daemons('qemu')).keys()], [])
})

test('a host on which a guest starts and then gets nowhere is not taken for one with KVM', needs, async (t) => {
  const { directory, privileged, call } = await useRealMachine(t, 'acc')
  const said = await probe(call, { directory, privileged, clock: systemClock }, 'tcg', 0)
  assert.ok('rltc'.startsWith(said), said)
  assert.deepEqual([...(await privileged.daemons('qemu')).keys()], [])
})

test('the answer is remembered for this boot of the host and this QEMU, and found anew for another', existsSync('/dev/kvm') ? needs : { skip: 'needs /dev/kvm' }, async (t) => {
  const { directory, privileged, call } = await useRealMachine(t, 'acc')
  const options = { directory: join(directory, 'qemu'), privileged, clock: systemClock, qemuVersion: 7_002_000 }
  await mkdir(options.directory)
  const memory = join(options.directory, 'accelerator.json')
  const read = async () => JSON.parse(await readFile(memory, 'utf8')) as Record<string, unknown>
  const { kind } = await findAccelerator(call, options)
  const first = await read()
  assert.equal(first['kind'], kind)
  assert.equal(kind === 'kvm', first['said'] === 'rltcK')

  const other = kind === 'kvm' ? 'tcg' : 'kvm'
  await writeFile(memory, JSON.stringify({ ...first, kind: other }))
  assert.equal((await findAccelerator(call, options)).kind, other, 'it is not asked again')
  assert.equal((await findAccelerator(call, { ...options, qemuVersion: 8_000_000 })).kind, kind, 'another QEMU')
  // As an earlier probe left it, which only heard a guest say one word.
  await writeFile(memory, JSON.stringify({ bootId: first['bootId'], kind: other }))
  assert.equal((await findAccelerator(call, options)).kind, kind, 'an answer to an easier question')
})
