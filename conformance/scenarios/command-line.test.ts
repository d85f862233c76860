// The commands around a cloud, by the script that people type, with the fake driver: what each says and does.
import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { readSecrets } from '../../src/app/commands/openrc.ts'
import { checkPorts } from '../../src/app/free-ports.ts'
import { logIn, reachOutside } from '../../src/app/rest.ts'
import { chooseSettings, readSettings } from '../../src/app/settings.ts'
import { open } from '../../src/services/keystone/domain/fernet/fernet.ts'
import { rowViolations } from '../../src/simulation/rows-invariants.ts'
import { gone } from '../acceptance/kill-points.ts'
import { eventually } from '../acceptance/real-cloud.ts'
import { rowsIn } from '../acceptance/rows-and-reality.ts'

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

async function answered(said: Promise<Said>): Promise<string> {
  const { code, stdout, stderr } = await said
  assert.equal(code, 0, stderr)
  return stdout
}

test('up, openrc, logs, config, keys and reset do what they say, with the fake driver', async (t) => {
  const { directory, offset, nimbo, atTerminal } = await place(t)
  const up = () => answered(nimbo('up', '--driver', 'fake', '--port-offset', offset))

  await t.test('up says what the fake driver leaves out, and the cloud is ready', async () => {
    assert.match(await up(), /^The cloud is up[^]*Fake drivers: the APIs are real, guests, networks and volumes are not\. A cloud that root begins has real ones\./)
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
    await eventually('the last line is printed', 20, async () => printed.includes('\n'))
    await fetch(`${identity}/auth/nothing-of-the-kind`)
    await eventually('the request is printed', 20, async () => printed.includes('/v3/auth/nothing-of-the-kind'))
    following.kill('SIGKILL')
  })

  await t.test('a rotation of the keys leaves those tokens valid whose key is kept', async () => {
    /** @returns a token by the new key */
    const rotate = async (primary: number) => {
      assert.match(await answered(nimbo('keys', 'rotate')), new RegExp(`^Key ${primary} signs new tokens from now on\\.$`, 'm'))
      const key = Buffer.from(readFileSync(join(directory, 'data', 'fernet-keys', String(primary)), 'utf8'), 'base64url')
      let token = ''
      // A running keystone looks at its keys once a second.
      await eventually(`key ${primary} signs new tokens`, 20, async () => {
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
    assert.match(atTerminal('yes', 'reset'), /The cloud is gone\. What lies in .* now is not its own and stays\./)
    assert.deepEqual(readdirSync(directory), ['nimbo.toml'])
    rmSync(directory, { recursive: true })
    assert.equal(await answered(nimbo('reset', '--yes')), 'There is no cloud to remove.\n')
  })
})

test('what a cloud was begun with stays, and a start that asks for something else is refused before anything changes', async (t) => {
  const { directory, offset, nimbo } = await place(t)
  const refused = async (expected: RegExp, ...args: string[]) => {
    const { code, stdout, stderr } = await nimbo(...args)
    assert.deepEqual([code, stdout], [1, ''], args.join(' '))
    assert.match(stderr, expected, args.join(' '))
  }
  const begin = ['up', '--driver', 'fake', '--port-offset', offset, '--public-cidr', '198.51.100.0/24']
  await answered(nimbo(...begin))
  const kept = readFileSync(join(directory, 'cloud.json'), 'utf8')
  const attempts = async () => {
    await refused(/begun with the fake drivers, and keeps what they made\. Another cloud can have its own folder \(--data\); `reset` removes this one\./, 'up', '--driver', 'real')
    await refused(/The network `public` .* was made with 198\.51\.100\.0\/24; --public-cidr counts at the first start/, 'up', '--public-cidr', '192.0.2.0/24')
    assert.equal(readFileSync(join(directory, 'cloud.json'), 'utf8'), kept)
  }
  await attempts()
  await refused(/The cloud runs already, at http:\/\/127\.0\.0\.1:\d+ and not at http:\/\/127\.0\.0\.1:5001\. Stop it with `down` to start it there\./, 'up', '--port-offset', '1')
  assert.match(await answered(nimbo('up', '--log-level', 'debug')), /^The cloud runs already\. What --log-level says counts when it starts: stop it with `down` first\.\n/)
  const { driver, identity, already_running: already } = JSON.parse(await answered(nimbo(...begin, '--json')))
  assert.deepEqual([driver, identity, already], ['fake', `http://127.0.0.1:${5000 + Number(offset)}/v3`, true])
  assert.equal((await nimbo('status')).code, 0)

  await answered(nimbo('down'))
  const { code, stdout } = await nimbo('status', '--json')
  assert.deepEqual([code, JSON.parse(stdout).phase], [3, 'down'])
  await attempts()
})

test('a cloud begins only among what is its own, and `reset` removes nothing else', async (t) => {
  const { directory, offset, nimbo } = await place(t)
  const up = (...more: string[]) => nimbo('up', '--driver', 'fake', '--port-offset', offset, ...more)
  mkdirSync(join(directory, 'data'))
  writeFileSync(join(directory, 'data', 'thesis.txt'), 'years of work')
  const { code, stderr } = await up()
  assert.deepEqual([code, stderr], [1, `nimbo: ${directory}/data is there already, and no cloud made it. Choose another folder with --data.\n`])
  assert.deepEqual([(await nimbo('reset', '--yes')).stderr, readdirSync(directory)], [`nimbo: ${directory} holds no cloud; nothing is removed.\n`, ['data']])
  rmSync(join(directory, 'data'), { recursive: true })

  writeFileSync(join(directory, 'thesis.txt'), 'years of work')
  assert.match((await up('--config', join(directory, 'none.toml'))).stderr, /none\.toml/)
  assert.match(await answered(nimbo('reset', '--yes')), /^The cloud is gone\. What lies in .* now is not its own and stays\.\n/)
  assert.deepEqual(readdirSync(directory), ['thesis.txt'])

  assert.equal((await up()).code, 0)
  await answered(nimbo('reset', '--yes'))
  assert.deepEqual(readdirSync(directory), ['thesis.txt'])
})

test('where no cloud can be is said in words', async (t) => {
  const { directory, nimbo } = await place(t)
  const file = join(directory, 'file')
  writeFileSync(file, '')
  const refused = async (...args: string[]) => (await nimbo(...args)).stderr
  assert.equal(await refused('--data', '', 'reset', '--yes'), 'nimbo: --data takes the folder of a cloud, not an empty word.\n')
  assert.equal(await refused('--data', file, 'up', '--driver', 'fake'), `nimbo: ${file} is not a folder. Choose one with --data.\n`)
  assert.equal(await refused('--data', join(file, 'below'), 'run', '--driver', 'fake'), `nimbo: The folder of the cloud cannot be made or written: ${file}/below (ENOTDIR). Choose another one with --data.\n`)
})

test('with the fake driver, servers are after `down` and `up` as they were, go on to be used, and the doctor has nothing to say', async (t) => {
  const { directory, offset, nimbo } = await place(t)
  const up = () => answered(nimbo('up', '--driver', 'fake', '--port-offset', offset))
  await up()
  const settings = readSettings(directory)
  assert.ok(settings)
  const demo = await logIn(reachOutside(settings), { user: 'demo', password: readSecrets(directory).demoPassword, project: 'demo' })
  const image: string = (await demo.send('glance', 'POST', '/v2/images', { name: 'own', disk_format: 'raw', container_format: 'bare' })).id
  const { transport, origin, token } = demo.transport('glance')
  await transport({ method: 'PUT', path: `/v2/images/${image}/file`, query: '', origin, headers: { 'x-auth-token': token, 'content-type': 'application/octet-stream' }, body: 'x'.repeat(1024) })
  const [network] = (await demo.send('neutron', 'GET', '/v2.0/networks?name=private')).networks
  const statuses = async () => Object.fromEntries((await demo.send('nova', 'GET', '/v2.1/servers/detail')).servers.map((each: { name: string; status: string }) => [each.name, each.status]))
  const settle = (wanted: object) => eventually(`servers are ${JSON.stringify(wanted)}`, 20, async () => isDeepStrictEqual(await statuses(), wanted))
  const act = (id: string, action: object) => demo.send('nova', 'POST', `/v2.1/servers/${id}/action`, action)
  const boot = async (name: string): Promise<string> => (await demo.send('nova', 'POST', '/v2.1/servers', { server: { name, imageRef: image, flavorRef: '42', networks: [{ uuid: network.id }] } })).server.id
  const [web, asleep] = [await boot('web'), await boot('asleep')]
  await settle({ web: 'ACTIVE', asleep: 'ACTIVE' })
  const volume: string = (await demo.send('cinder', 'POST', `/v3/${demo.projectId}/volumes`, { volume: { size: 1, name: 'data' } })).volume.id
  const volumeStatus = async () => (await demo.send('cinder', 'GET', `/v3/${demo.projectId}/volumes/${volume}`)).volume.status
  await eventually('the volume is available', 20, async () => (await volumeStatus()) === 'available')
  await demo.send('nova', 'POST', `/v2.1/servers/${web}/os-volume_attachments`, { volumeAttachment: { volumeId: volume } })
  await eventually('the volume is in use', 20, async () => (await volumeStatus()) === 'in-use')
  await act(asleep, { 'os-stop': null })
  await settle({ web: 'ACTIVE', asleep: 'SHUTOFF' })
  const inOrder = async () => {
    assert.match(await answered(nimbo('doctor', '--now')), /rows and reality agree/)
    assert.deepEqual(await rowViolations(rowsIn(directory)), [])
  }
  await inOrder()

  for (const end of ['in order', 'by SIGKILL']) {
    await t.test(`ended ${end}`, async () => {
      const { pid } = JSON.parse(readFileSync(join(directory, 'data', 'run', 'state.json'), 'utf8')) as { pid: number }
      if (end === 'in order') await answered(nimbo('down'))
      else process.kill(pid, 'SIGKILL')
      await gone(pid)
      await up()
      await inOrder()
      assert.deepEqual(await statuses(), { web: 'ACTIVE', asleep: 'SHUTOFF' })
      await act(asleep, { 'os-start': null })
      await act(web, { reboot: { type: 'HARD' } })
      await settle({ web: 'ACTIVE', asleep: 'ACTIVE' })
      await act(asleep, { 'os-stop': null })
      await settle({ web: 'ACTIVE', asleep: 'SHUTOFF' })
      assert.match((await act(web, { 'os-getConsoleOutput': {} })).output, /web login: [^]*web login: /)
    })
  }

  await t.test('and what is spoilt in its databases is told', async () => {
    const spoilt = async (database: string, statement: string, back: string, told: RegExp) => {
      const change = (text: string) => {
        const opened = new DatabaseSync(join(directory, 'data', 'db', `${database}.db`), { timeout: 5000, enableForeignKeyConstraints: false })
        assert.equal(Number(opened.prepare(text).run().changes), 1, text)
        opened.close()
      }
      change(statement)
      const said = await rowViolations(rowsIn(directory))
      assert.equal(said.length, 1, said.join('\n'))
      assert.match(said[0] ?? '', told)
      change(back)
    }
    const ghost = '99999999-9999-4999-8999-999999999999'
    const copied = (table: string, column: string, rest: readonly string[], which: string) => [
      `insert into ${table} (${column}, ${rest.join(', ')}) select '${ghost}', ${rest.join(', ')} from ${table} where ${which} limit 1`, `delete from ${table} where ${column} = '${ghost}'`] as const
    await spoilt('placement', ...copied('allocations', 'consumer_uuid', ['provider_uuid', 'resource_class', 'used', 'created_at'], "resource_class = 'VCPU'"), /^allocations are held by 99999999-.*, which is no server on a host$/)
    await spoilt('cinder', `update volumes set claimed_size = 9 where id = '${volume}'`, `update volumes set claimed_size = 1 where id = '${volume}'`, /^volume .* has 1 GiB and counts 9 against the quota$/)
    await spoilt('nova_cell1', `update block_device_mappings set instance_uuid = '${ghost}' where instance_uuid = '${asleep}'`, `update block_device_mappings set instance_uuid = '${asleep}' where instance_uuid = '${ghost}'`,
      /^a disk of server 99999999-.*, which is gone, is still there$/)
  })

  for (const server of [web, asleep]) await demo.send('nova', 'DELETE', `/v2.1/servers/${server}`)
  await settle({})
  await eventually('the volume is available', 20, async () => (await volumeStatus()) === 'available')
  assert.deepEqual(readdirSync(join(directory, 'data', 'nova', 'fake', settings.host, 'guests')), [])
})

const cannotDrop = isRoot && spawnSync('/usr/bin/test', ['-x', script], unprivileged).status !== 0 ? 'the user nobody cannot read this checkout' : false

test('without root, up says that guests are left out, and refuses the real drivers', { skip: cannotDrop }, async (t) => {
  const { offset, nimbo } = await place(t, isRoot ? unprivileged : {})
  const refused = await nimbo('up', '--driver', 'real', '--port-offset', offset)
  assert.deepEqual([refused.code, refused.stderr], [1, 'nimbo: The real drivers need root. Run it as root, or with --driver fake: then the control plane runs, without guests.\n'])
  assert.match(await answered(nimbo('up', '--port-offset', offset)), /^The cloud is up[^]*Fake drivers: the APIs are real, guests, networks and volumes are not\. A cloud that root begins has real ones\./)
  const { phase, driver } = JSON.parse(await answered(nimbo('status', '--json')))
  assert.deepEqual([phase, driver], ['ready', 'fake'])
})
