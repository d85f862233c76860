// The commands around a cloud, by the script that people type, with the fake driver: what each says and does.
import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { checkPorts } from '../../src/app/free-ports.ts'
import { chooseSettings } from '../../src/app/settings.ts'
import { open } from '../../src/services/keystone/domain/fernet/fernet.ts'

const root = join(import.meta.dirname, '..', '..')
const script = join(root, 'nimbo')
/** Who runs a cloud that is not root's, where the tests are: `nobody`. */
const unprivileged = { uid: 65_534, gid: 65_534 }
const isRoot = process.geteuid?.() === 0

interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface Place {
  readonly directory: string
  /** Where its ports begin. */
  readonly offset: string
  nimbo(...args: string[]): Promise<Said>
  /** The same at a terminal, on which an answer is typed. */
  atTerminal(answer: string, ...args: string[]): string
}

async function freeOffset(directory: string): Promise<string> {
  for (let portOffset = 20_000 + (process.pid % 50) * 100; portOffset < 30_000; portOffset += 100) {
    if (await checkPorts(chooseSettings(directory, { driver: 'fake', portOffset })).then(() => true, () => false)) return String(portOffset)
  }
  throw new Error('no ports are free')
}

/** A folder for a cloud, which is gone with the test. */
async function place(t: TestContext, user: { uid?: number; gid?: number } = {}): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'nimbo-commands-'))
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid ?? 0)
  const options = { ...user, cwd: '/', env: { ...process.env, HOME: directory, NIMBO_DATA: directory, NO_COLOR: '1' } }
  const nimbo: Place['nimbo'] = (...args) => new Promise((resolve) => execFile(script, args, options, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr })))
  t.after(async () => {
    await nimbo('reset', '--yes')
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    directory, nimbo, offset: await freeOffset(directory),
    atTerminal: (answer, ...args) => spawnSync('/usr/bin/script', ['-qec', [script, ...args].join(' '), '/dev/null'], { ...options, input: `${answer}\n`, encoding: 'utf8' }).stdout,
  }
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; await sleep(50)) if (await isSo()) return
  throw new Error(`not so: ${what}`)
}

async function answered(said: Promise<Said>): Promise<string> {
  const { code, stdout, stderr } = await said
  assert.equal(code, 0, stderr)
  return stdout
}

test('up, openrc, logs, config, keys and reset do what they say, with the fake driver', async (t) => {
  const { directory, offset, nimbo, atTerminal } = await place(t)
  const up = () => answered(nimbo('up', '--driver', 'fake', '--port-offset', offset))

  await t.test('up says what the fake driver leaves out, and the cloud is ready', async () => {
    assert.match(await up(), /^The cloud is up[^]*Fake drivers: the APIs are real, guests, networks and volumes are not\. As root, real ones run\./)
    assert.match(await up(), /^The cloud runs already\.[^]*Fake drivers/)
    const { phase, driver } = JSON.parse(await answered(nimbo('status', '--json')))
    assert.deepEqual([phase, driver], ['ready', 'fake'])
  })

  const shell = (commands: string) => spawnSync('/bin/sh', ['-c', commands], { encoding: 'utf8', env: { PATH: process.env['PATH'], NIMBO_DATA: directory } }).stdout
  const variables: Record<string, string> = JSON.parse(await answered(nimbo('openrc', '--json')))
  const { OS_AUTH_URL: identity = '', OS_PASSWORD: password } = variables
  const logIn = async () => {
    const project = { name: variables['OS_PROJECT_NAME'], domain: { name: variables['OS_PROJECT_DOMAIN_NAME'] } }
    const user = { name: variables['OS_USERNAME'], password, domain: { name: variables['OS_USER_DOMAIN_NAME'] } }
    const body = JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } }, scope: { project } } })
    const reply = await fetch(`${identity}/auth/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    assert.equal(reply.status, 201)
    return reply.headers.get('x-subject-token') ?? ''
  }
  /** The status of showing a token with another one. */
  const shown = async (token: string, by: string) => (await fetch(`${identity}/auth/tokens`, { headers: { 'x-auth-token': by, 'x-subject-token': token } })).status

  await t.test('openrc gives a shell what logs in as demo, or as admin', async () => {
    assert.equal(shell(`eval "$(${script} openrc)"; env | grep ^OS_ | sort`).trimEnd(), Object.entries(variables).map(([name, value]) => `${name}=${value}`).sort().join('\n'))
    assert.match(shell(`eval "$(${script} openrc admin)"; echo "$OS_USERNAME in $OS_PROJECT_NAME"`), /^admin in admin$/m)
    assert.notEqual(await logIn(), '')
  })

  await t.test('logs shows the end of the log, and with -f what is added', async () => {
    assert.match(await answered(nimbo('logs')), /"msg":"the cloud is up"/)
    assert.equal((await answered(nimbo('logs', '-n', '2'))).trimEnd().split('\n').length, 2)
    const following = spawn(script, ['logs', '-f', '-n', '1'], { env: { ...process.env, NIMBO_DATA: directory }, stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => following.kill('SIGKILL'))
    let printed = ''
    following.stdout.setEncoding('utf8').on('data', (more: string) => {
      printed += more
    })
    await until('the last line is printed', () => printed.includes('\n'))
    await fetch(`${identity}/auth/nothing-of-the-kind`)
    await until('the request is printed', () => printed.includes('/v3/auth/nothing-of-the-kind'))
    following.kill('SIGKILL')
  })

  await t.test('a rotation of the keys leaves those tokens valid whose key is kept', async () => {
    /** @returns a token by the new key */
    const rotate = async (primary: number) => {
      assert.match(await answered(nimbo('keys', 'rotate')), new RegExp(`^Key ${primary} signs new tokens from now on\\.$`, 'm'))
      const key = Buffer.from(readFileSync(join(directory, 'data', 'fernet-keys', String(primary)), 'utf8'), 'base64url')
      let token = ''
      // A running keystone looks at its keys once a second.
      await until(`key ${primary} signs new tokens`, async () => {
        token = await logIn()
        return open([key], token) !== undefined
      })
      return token
    }
    const first = await logIn()
    const second = await rotate(2)
    assert.deepEqual([await shown(first, second), await shown(second, second)], [200, 200])
    const third = await rotate(3)
    assert.deepEqual([await shown(first, third), await shown(second, third), await shown(third, third)], [404, 200, 200])
  })

  await t.test('config prints every option, and a cloud starts with what it printed', async () => {
    const sample = await answered(nimbo('config'))
    assert.equal(sample.trimEnd(), readFileSync(join(root, 'docs', 'generated', 'nimbo.toml'), 'utf8').trimEnd())
    writeFileSync(join(directory, 'nimbo.toml'), sample.replace(/^#quota_cores = 20$/m, 'quota_cores = 7'))
    assert.match(await answered(nimbo('down')), /^The cloud is down\.$/m)
    await up()
    const reply = await fetch(`${identity.replace(/\d+\/v3$/, String(8774 + Number(offset)))}/v2.1/limits`, { headers: { 'x-auth-token': await logIn() } })
    const { limits } = (await reply.json()) as { limits: { absolute: { maxTotalCores: number } } }
    assert.equal(limits.absolute.maxTotalCores, 7)
  })

  await t.test('reset asks first: where nobody can answer it refuses, and anything but yes keeps the cloud', async () => {
    const refused = await nimbo('reset')
    assert.deepEqual([refused.code, refused.stderr], [1, 'nimbo: This removes all servers, volumes and images. Say so with --yes.\n'])
    assert.match(atTerminal('no', 'reset'), /with all its servers, volumes and images\. Type yes to go on: [^]*Nothing was removed\./)
    assert.equal(JSON.parse(await answered(nimbo('status', '--json'))).phase, 'ready')
    assert.match(atTerminal('yes', 'reset'), /The cloud is gone\./)
    assert.equal(existsSync(directory), false)
    assert.equal(await answered(nimbo('reset', '--yes')), 'There is no cloud to remove.\n')
  })
})

const cannotDrop = isRoot && spawnSync('/usr/bin/test', ['-x', script], unprivileged).status !== 0 ? 'the user nobody cannot read this checkout' : false

test('without root, up says that guests are left out, and refuses the real drivers', { skip: cannotDrop }, async (t) => {
  const { offset, nimbo } = await place(t, isRoot ? unprivileged : {})
  const refused = await nimbo('up', '--driver', 'real', '--port-offset', offset)
  assert.deepEqual([refused.code, refused.stderr], [1, 'nimbo: The real drivers need root. Run it as root, or with --driver fake: then the control plane runs, without guests.\n'])
  assert.match(await answered(nimbo('up', '--port-offset', offset)), /^The cloud is up[^]*Fake drivers: the APIs are real, guests, networks and volumes are not\. As root, real ones run\./)
  const { phase, driver } = JSON.parse(await answered(nimbo('status', '--json')))
  assert.deepEqual([phase, driver], ['ready', 'fake'])
})
