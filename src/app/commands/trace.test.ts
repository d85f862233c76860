// `nimbo trace` beside a recorder that is led by hand: what it prints of a boot that goes on, and what machines read.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { openDatabase } from '#core/db'
import { listen } from '#core/http'
import { silentLog } from '#core/observe'
import { bootFlow, createRecorder, type Recorder, traceMigrations, type TraceTables } from '#core/trace'
import { controlTransport } from '../control.ts'
import { layout } from '../layout.ts'

const main = join(import.meta.dirname, '..', 'main.ts')
const head = { traceId: 'trace-1', serverId: '11111111-2222-4333-8444-555555555555', name: 'first', projectId: 'p1', startedAt: Date.UTC(2024, 0, 1) }

async function startRecorder(t: TestContext): Promise<{ directory: string; trace: Recorder }> {
  const directory = mkdtempSync(join(tmpdir(), 'nimbo-trace-'))
  const files = layout(directory)
  mkdirSync(dirname(files.control), { recursive: true })
  const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
  const database = await openDatabase<TraceTables>({ name: 'trace', migrations: traceMigrations, file: join(directory, 'trace.db'), clock: systemClock, log: silentLog })
  const trace = createRecorder(database, capabilities)
  const unasked = () => Promise.reject(new Error('nobody asks the doctor here'))
  const control = await listen(controlTransport({ trace, status: () => ({}), doctor: { findings: unasked, audit: unasked, repair: unasked } }), { path: files.control })
  t.after(async () => {
    await control.close()
    await database.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return { directory, trace }
}

function nimbo(t: TestContext, directory: string, ...args: string[]): ChildProcess & { readonly printed: () => string; readonly ended: Promise<number | null> } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, '--data', directory, 'trace', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    printed += more
  })
  return Object.assign(child, { printed: () => printed, ended: new Promise<number | null>((resolve) => child.once('close', resolve)) })
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; await systemClock.sleep(20)) if (isSo()) return
  throw new Error(`not so: ${what}`)
}

test('trace show prints each step of a boot when it happens, and ends with the boot', async (t) => {
  const { directory, trace } = await startRecorder(t)
  trace.begin(head)
  trace.record({ traceId: head.traceId, step: 3, outcome: 'done', startedAt: head.startedAt, durationMs: 0 })
  const shown = nimbo(t, directory, 'show', 'first')
  const stepName = (number: number) => bootFlow[number - 1]?.name ?? ''
  await until('the first step is shown', () => shown.printed().includes(stepName(3)))
  assert.match(shown.printed(), /^Boot of first \(11111111-2222-4333-8444-555555555555\), begun 2024-01-01T00:00:00\.000Z\n/)
  trace.record({ traceId: head.traceId, step: 4, outcome: 'cached', startedAt: head.startedAt + 5, durationMs: 12, detail: 'verdict served from the cache' })
  await until('the next one is shown', () => shown.printed().includes(stepName(4)))
  assert.equal(shown.exitCode, null)
  assert.match(shown.printed(), / 12 ms {2}cached verdict served from the cache\n/)
  trace.record({ traceId: head.traceId, step: 51, outcome: 'failed', startedAt: head.startedAt + 9, durationMs: 0, attempt: 2 })
  trace.end(head.traceId, 'ERROR')
  assert.equal(await shown.ended, 0)
  assert.match(shown.printed(), /failed \(try 2\)\n\n3 rows; the boot ended ERROR\.\n$/)
})

test('trace show and trace list print what they know as JSON, also of a boot that goes on', async (t) => {
  const { directory, trace } = await startRecorder(t)
  trace.begin(head)
  trace.record({ traceId: head.traceId, step: 4, outcome: 'cached', startedAt: head.startedAt + 5, durationMs: 12.3456, detail: 'verdict served from the cache' })
  trace.record({ traceId: head.traceId, step: 3, outcome: 'done', startedAt: head.startedAt, durationMs: 0 })
  const read = async (...args: string[]) => {
    const program = nimbo(t, directory, ...args, '--json')
    assert.equal(await program.ended, 0)
    return JSON.parse(program.printed())
  }
  const summary = { server: head.serverId, name: 'first', project: 'p1', started_at: '2024-01-01T00:00:00.000Z' }
  const described = (number: number) => {
    const step = bootFlow[number - 1]
    return { number, name: step?.name, actor: `${step?.from} → ${step?.to}`, attempt: 1 }
  }
  assert.deepEqual(await read('show', head.serverId), {
    ...summary, steps: [
      { ...described(3), outcome: 'done', started_at: '2024-01-01T00:00:00.000Z', duration_ms: 0 },
      { ...described(4), outcome: 'cached', started_at: '2024-01-01T00:00:00.005Z', duration_ms: 12.35, detail: 'verdict served from the cache' },
    ],
  })
  assert.deepEqual(await read('list'), [summary])
  trace.end(head.traceId, 'ACTIVE')
  const [{ ended_at: endedAt, ...ended }] = await read('list')
  assert.deepEqual(ended, { ...summary, outcome: 'ACTIVE' })
  assert.ok(Date.parse(endedAt) > head.startedAt)
})
