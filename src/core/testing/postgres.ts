// A PostgreSQL server for the tests of one process: Debian's, as a user of its own, on a unix socket in a folder that is
// gone afterwards. It syncs nothing and keeps nothing.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { systemClock } from '../context/index.ts'
import { createProcessRunner } from '../process/index.ts'

/** The engines that `DB=sqlite,postgres` names. */
export const engines: readonly string[] = (process.env['DB'] ?? 'sqlite,postgres').split(',')

const [programs] = globSync('/usr/lib/postgresql/*/bin').sort().reverse()

/** It refuses to run as root; its package brings a user. */
const [ownUid, ownGid] = (/^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? []).slice(1).map(Number)
/** Why tests on PostgreSQL cannot run here; false where they can. */
export const withoutPostgres: string | false = !engines.includes('postgres') ? 'DB names other engines' : programs === undefined || ownUid === undefined || !existsSync(join(programs, 'initdb')) ? 'needs the package postgresql' : false

const port = 5432

interface Server {
  readonly socketFolder: string
  made: number
  stop(): Promise<void>
}

let running: Promise<Server> | undefined

// Registered here, outside every test, so that it happens after all of them.
after(async () => (await running)?.stop())

/** The URL of an empty database. The server starts with the first, and ends, with all of them, after the tests of the file. */
export async function emptyDatabase(): Promise<string> {
  const server = await (running ??= start())
  const name = `test_${++server.made}`
  await asOwner('createdb', ['--host', server.socketFolder, '--username', 'nimbo', '--template', 'template0', '--encoding', 'UTF8', name])
  return `postgresql://nimbo@localhost:${port}/${name}?host=${encodeURIComponent(server.socketFolder)}`
}

async function start(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'nimbo-postgres-'))
  const data = join(folder, 'data')
  if (process.getuid?.() === 0) await chown(folder, ownUid ?? 0, ownGid ?? 0)
  await chmod(folder, 0o700)
  await asOwner('initdb', ['--pgdata', data, '--username', 'nimbo', '--auth', 'trust', '--no-sync', '--no-instructions', '--locale', 'C.UTF-8', '--encoding', 'UTF8'])
  const settings = { listen_addresses: '', unix_socket_directories: folder, port, fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: 300, shared_buffers: '64MB' }
  // The server ends with this process, however that ends.
  const server = asOwner('postgres', ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], 3_600)
  server.catch(() => undefined)
  const answers = () => asOwner('pg_isready', ['--host', folder]).then(() => true, () => false)
  for (let tries = 0; tries < 200 && !(await answers()); tries++) await systemClock.sleep(50)
  return {
    socketFolder: folder, made: 0,
    async stop() {
      const pid = Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0])
      process.kill(pid, 'SIGINT')
      await server.catch(() => undefined)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function asOwner(program: string, args: readonly string[], timeoutSeconds = 60) {
  const command = [join(programs ?? '', program), ...args]
  const [first, ...others] = process.getuid?.() === 0
    ? ['/usr/bin/setpriv', `--reuid=${ownUid}`, `--regid=${ownGid}`, '--clear-groups', '--pdeathsig=SIGINT', '--', ...command]
    : ['/usr/bin/setpriv', '--pdeathsig=SIGINT', '--', ...command]
  return createProcessRunner().run(first, others, { timeoutSeconds, cwd: '/' })
}
