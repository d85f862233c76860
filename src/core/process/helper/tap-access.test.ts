// The device that clouds on one machine share, played with a file.
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { allowTaps } from './tap-access.ts'

function machine(t: TestContext, mode: number) {
  const directory = mkdtempSync(join(tmpdir(), 'nimbo-taps-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const access = { device: join(directory, 'tun'), register: join(directory, 'register') }
  writeFileSync(access.device, '')
  chmodSync(access.device, mode)
  const cloud = (prefix: string) => {
    const dataDirectory = join(directory, prefix)
    mkdirSync(dataDirectory, { recursive: true })
    return { prefix, dataDirectory, allow: (allowed: boolean) => allowTaps(access, { prefix, dataDirectory }, allowed) }
  }
  return { directory, access, cloud, mode: () => statSync(access.device).mode & 0o777 }
}

test('a cloud that goes down leaves the cloud beside it what that needs to start guests', async (t) => {
  const { directory, cloud, mode } = machine(t, 0o600)
  const [one, two] = [cloud('one'), cloud('two')]
  await Promise.all([one.allow(true), two.allow(true), one.allow(true)])
  assert.equal(mode(), 0o666)
  await one.allow(false)
  assert.equal(mode(), 0o666)
  await two.allow(false)
  assert.equal(mode(), 0o600)
  assert.deepEqual(readdirSync(directory).sort(), ['one', 'tun', 'two'])
})

test('a cloud whose folder was removed is not waited for, nor who died while he had the word', async (t) => {
  const { access, cloud, mode } = machine(t, 0o660)
  const [one, two] = [cloud('one'), cloud('two')]
  await one.allow(true)
  await two.allow(true)
  rmSync(one.dataDirectory, { recursive: true })
  mkdirSync(`${access.register}.lock`)
  await two.allow(false)
  assert.equal(mode(), 0o660)
})

test('where all may open the device anyway nothing is written down', async (t) => {
  const { access, cloud, mode } = machine(t, 0o666)
  const one = cloud('one')
  await one.allow(true)
  await one.allow(false)
  assert.deepEqual([mode(), existsSync(access.register)], [0o666, false])
})
