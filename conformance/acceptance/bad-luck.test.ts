// What can go wrong around a cloud on the real engines: programs killed from outside, taken ports, starts and stops that
// meet, a checkout that the cloud's own user cannot look into. Nothing is lost, and nothing is left behind.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { untilWhole } from './as-demo.ts'
import { helperOf, hostState, processesOf } from './host-state.ts'
import { canRunReal, eventually, prepareRealCloud, type RealCloud } from './real-cloud.ts'

const program = join(import.meta.dirname, '..', '..')

test('an unlucky operator loses nothing', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const hidden = hideCheckout()
  const cloud = await prepareRealCloud(3, { checkout: hidden.checkout })
  t.after(async () => {
    await cloud.remove()
    hidden.remove()
  })
  const { openstack } = cloud

  await t.test('the cloud starts from a checkout that only root can look into, and `up` twice at once makes one cloud', async () => {
    await Promise.all([cloud.nimbo('up'), cloud.nimbo('up')])
    assert.equal(processesOf(cloud.directory).filter((each) => / run --data /.test(each)).length, 1)
  })

  await openstack('server', 'create', '--image', 'nimbo-test', '--flavor', 'm1.nano', '--network', 'private', '--wait', 'unlucky')
  await openstack('volume', 'create', '--size', '1', 'unlucky')
  await eventually('the volume is available', 30, async () => (await openstack('volume', 'show', 'unlucky')).status === 'available')
  await openstack('server', 'add', 'volume', 'unlucky', 'unlucky')
  await eventually('the volume is in use', 30, async () => (await openstack('volume', 'show', 'unlucky')).status === 'in-use')

  await t.test('a killed QEMU makes its server SHUTOFF, and the server starts again with its volume', async () => {
    kill(cloud, /qemu-system/)
    await eventually('the server is SHUTOFF', 20, async () => (await status(cloud)) === 'SHUTOFF')
    await openstack('server', 'start', 'unlucky')
    await eventually('the server is ACTIVE', 30, async () => (await status(cloud)) === 'ACTIVE')
    assert.equal((await openstack('volume', 'show', 'unlucky')).status, 'in-use')
    await untilWhole(cloud)
  })

  await t.test('a killed DHCP server and a killed storage daemon come back by themselves', async () => {
    for (const daemon of [/dnsmasq/, /qemu-storage-daemon/]) {
      kill(cloud, daemon)
      await eventually(`${String(daemon)} runs again`, 15, async () => processesOf(cloud.directory).some((each) => daemon.test(each)))
    }
    await untilWhole(cloud)
  })

  await t.test('without its privileged helper the cloud ends and says so; `up` finds the server again', async () => {
    const guest = pids(cloud, /qemu-system/)
    process.kill(helperOf(controlPlane(cloud)), 'SIGKILL')
    const told = await eventually('the cloud says that it does not run', 20, async () => {
      const state = await cloud.status()
      return state.phase === 'failed' && state
    })
    assert.match(told.message ?? '', /helper was killed.*nimbo up/)
    await cloud.nimbo('up')
    assert.deepEqual(pids(cloud, /qemu-system/), guest)
    assert.equal(await status(cloud), 'ACTIVE')
    await untilWhole(cloud)
  })

  await t.test('a volume whose attachment was cut off by SIGKILL is attached or free, never stuck', async () => {
    await openstack('server', 'remove', 'volume', 'unlucky', 'unlucky')
    await eventually('the volume is available', 60, async () => (await openstack('volume', 'show', 'unlucky')).status === 'available')
    await openstack('server', 'add', 'volume', 'unlucky', 'unlucky')
    process.kill(controlPlane(cloud), 'SIGKILL')
    await cloud.nimbo('up')
    await eventually('the volume has settled', 30, async () => ['available', 'in-use'].includes((await openstack('volume', 'show', 'unlucky')).status))
    await untilWhole(cloud)
  })

  await openstack('server', 'delete', '--wait', 'unlucky')
  await eventually('the volume is free', 30, async () => (await openstack('volume', 'show', 'unlucky')).status === 'available')
  await openstack('volume', 'delete', 'unlucky')
  await eventually('the volume is gone', 30, async () => (await openstack('volume', 'list')).length === 0)
  await cloud.nimbo('down')

  await t.test('a taken port is named, with what to do, and nothing was made', async () => {
    const { ports } = JSON.parse(readFileSync(join(cloud.directory, 'cloud.json'), 'utf8')) as { ports: { glance: number } }
    const other = createServer().listen(ports.glance, '127.0.0.1')
    t.after(() => other.close())
    await assert.rejects(cloud.nimbo('up'), new RegExp(`Port ${ports.glance} \\(glance\\) on 127.0.0.1 is taken.*--port-offset`))
    assert.deepEqual(traces(cloud), [])
    assert.match(await cloud.nimbo('down'), /does not run/)
    await new Promise((resolve) => other.close(resolve))
  })

  await t.test('in the foreground it tells a supervisor by its end whether to start it again', async () => {
    const ended = async (end: () => void | Promise<unknown>): Promise<number | null> => {
      const process = spawn(join(program, 'nimbo'), ['--data', cloud.directory, 'run'], { stdio: 'ignore' })
      const exit = new Promise<number | null>((resolve) => process.on('exit', (code) => resolve(code)))
      await eventually('it is ready', 60, async () => (await cloud.status()).phase === 'ready')
      await end()
      return exit
    }
    assert.equal(await ended(() => void process.kill(helperOf(controlPlane(cloud)), 'SIGKILL')), 75)
    assert.equal(await ended(() => void process.kill(controlPlane(cloud), 'SIGTERM')), 0)
    assert.deepEqual(traces(cloud), [])
  })

  await t.test('`down` while it starts stops it', async () => {
    const starting = assert.rejects(cloud.nimbo('up'), /stopped while it started/)
    await eventually('it starts', 10, async () => (await cloud.status()).phase === 'starting')
    await cloud.nimbo('down')
    await starting
  })
  assert.deepEqual(processesOf(cloud.directory), [])
  assert.deepEqual(traces(cloud), [])
})

/** What the host has of this cloud; other clouds may come and go beside it. */
function traces(cloud: RealCloud): string[] {
  const { prefix } = JSON.parse(readFileSync(join(cloud.directory, 'cloud.json'), 'utf8')) as { prefix: string }
  const { links, namespaces, routes, rules } = hostState()
  return [...links, ...namespaces, ...routes, ...rules.split('\n')].filter((line) => line.includes(prefix))
}

/** The same program below a folder that is closed to all but root. */
function hideCheckout(): { readonly checkout: string; remove(): void } {
  const hidden = mkdtempSync(join(tmpdir(), 'nimbo-hidden-'))
  const mounts: string[] = []
  const show = (from: string, to: string) => {
    mkdirSync(to, { recursive: true })
    execFileSync('/usr/bin/mount', ['--bind', from, to])
    mounts.unshift(to)
    // So that nothing done here can reach the true files.
    execFileSync('/usr/bin/mount', ['-o', 'remount,bind,ro', to])
  }
  const checkout = join(hidden, 'nimbo')
  mkdirSync(checkout)
  execFileSync('/usr/bin/cp', [...['nimbo', 'package.json', 'package-lock.json'].map((name) => join(program, name)), checkout])
  show(join(program, 'src'), join(checkout, 'src'))
  show(realpathSync(join(program, 'node_modules')), join(checkout, 'node_modules'))
  return {
    checkout,
    remove() {
      for (const mount of mounts) execFileSync('/usr/bin/umount', ['--lazy', mount])
      rmSync(hidden, { recursive: true, force: true })
    },
  }
}

async function status(cloud: RealCloud): Promise<string> {
  return (await cloud.openstack('server', 'show', 'unlucky')).status
}

function pids(cloud: RealCloud, command: RegExp): number[] {
  return processesOf(cloud.directory).filter((each) => command.test(each)).map((each) => Number(each.split(' ')[0]))
}

/** End them, and wait until they are gone. */
function kill(cloud: RealCloud, command: RegExp): void {
  const found = pids(cloud, command)
  assert.ok(found.length > 0, `${String(command)} runs`)
  for (const pid of found) process.kill(pid, 'SIGKILL')
}

function controlPlane(cloud: RealCloud): number {
  return (JSON.parse(readFileSync(join(cloud.directory, 'data', 'run', 'state.json'), 'utf8')) as { pid: number }).pid
}
