// Every command explains itself, and says in words what is wrong with what it was given.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const main = join(import.meta.dirname, '..', 'main.ts')

function nimbo(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => execFile(process.execPath, [main, ...args], { env: { ...process.env, NO_COLOR: '1' } }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr })))
}

const part = (text: string, title: string): string => text.split(`\n${title}:\n`)[1]?.split('\n\n')[0] ?? ''
const commandsIn = (help: string): string[] => [...part(help, 'Commands').matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name ?? '').filter((name) => name !== 'help')

async function explained(path: readonly string[]): Promise<string[]> {
  const { code, stdout } = await nimbo(...path, '--help')
  assert.equal(code, 0, path.join(' '))
  assert.match(stdout, new RegExp(`^Usage: nimbo ${path.join(' ')}`))
  assert.match(stdout.split('\n\n')[1] ?? '', /^\S/, `${path.join(' ')} has a description`)
  assert.match(stdout, /--data <folder>/, `${path.join(' ')} names the options of all commands`)
  for (const [, words] of part(stdout, 'Options').matchAll(/^ {2}-\S.*?(?: {2,}(\S.*))?$/gm)) assert.ok(words, `an option of ${path.join(' ')} is explained`)
  const inner = commandsIn(stdout)
  return [path.join(' '), ...(await Promise.all(inner.map((name) => explained([...path, name])))).flat()]
}

test('each command and its parts have help: what it does, what it takes, and where the cloud lies', async () => {
  const found = await explained([])
  for (const name of ['up', 'run', 'down', 'status', 'logs', 'openrc', 'reset', 'trace list', 'trace show', 'doctor', 'config', 'keys rotate', 'demo', 'test']) assert.ok(found.includes(name), name)
  for (const name of ['up', 'status', 'openrc', 'trace list', 'trace show', 'doctor']) assert.match((await nimbo(...name.split(' '), '--help')).stdout, /--json +print JSON/, name)
})

test('what cannot be understood is refused in one line that says what would be, with an exit status', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'nimbo-help-'))
  t.after(() => rmSync(data, { recursive: true, force: true }))
  const refused = async (expected: RegExp, ...args: string[]) => {
    const { code, stdout, stderr } = await nimbo('--data', data, ...args)
    assert.deepEqual([code, stdout], [1, ''], args.join(' '))
    assert.match(stderr, expected, args.join(' '))
  }
  await refused(/--lines takes a whole number/, 'logs', '-n', 'many')
  await refused(/--limit takes a whole number/, 'trace', 'list', '--limit', '0')
  await refused(/--driver takes real or fake/, 'up', '--driver', 'none')
  await refused(/--port-offset takes a whole number/, 'up', '--port-offset', '-1')
  await refused(/--log-level takes debug, info, warn, error/, 'run', '--log-level', 'loud')
  await refused(/users admin and demo/, 'openrc', 'nobody')
  await refused(/There is no cloud yet/, 'openrc', '--json')
  await refused(/There is no story 'nope'; choose from\n {2}'boot with everything, then delete'/, 'simulate', '--story', 'nope')
  await refused(/--point belongs to a --story/, 'simulate', '--point', '3')
  await refused(/unknown command 'fly'/, 'fly')
  await refused(/unknown option '--wings'/, 'up', '--wings')
})
