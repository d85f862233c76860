// `nimbo test`: the checks and tests, all or by name, with one line at the end that counts.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProcessRunner } from '#core/process'
import { installPackages } from '../host.ts'
import { debianPackages, testPackages } from '../packages.ts'
import { playSample } from './simulate.ts'
import { isRoot } from '../settings.ts'
import { CommandError, print } from '../terminal.ts'

const root = join(import.meta.dirname, '..', '..', '..')

interface Part {
  readonly name: string
  readonly about: string
  /** A check passes or fails as a whole; a suite counts its tests. */
  readonly run: () => Promise<Counts>
}

/** Parts whose tests run on the real engines where they may. */
const needEngines = new Set(['unit', 'engines', 'acceptance'])

interface Counts {
  passed: number
  failed: number
  skipped: number
}

const parts: readonly Part[] = [
  { name: 'types', about: 'the type checker', run: () => check(['node_modules/typescript-native/bin/tsc', '-p', 'tsconfig.json']) },
  { name: 'lint', about: 'type-aware lint', run: () => check(['node_modules/oxlint/bin/oxlint', '--type-aware', '--quiet']) },
  { name: 'layers', about: 'who may import whom', run: () => check(['checks/layers.ts']) },
  { name: 'unused', about: 'code and packages that nobody uses', run: () => check(['node_modules/knip/bin/knip.js']) },
  { name: 'unit', about: 'unit, repository, contract, black-box and scenario tests, with fake drivers', run: () => suite(allTests().filter((file) => !onTheMachine(file)), 2) },
  { name: 'simulation', about: 'histories of a whole cloud in which everything goes wrong that can', run: playSample },
  { name: 'engines', about: 'the drivers on the real engines', run: () => suite(allTests().filter((file) => onTheMachine(file) && !file.includes('acceptance')), 1) },
  { name: 'acceptance', about: 'the openstack client on the real engines, and bad luck', run: () => suite(allTests().filter((file) => file.includes('acceptance')), 1) },
]

export async function runTests(wanted: readonly string[], list: boolean): Promise<void> {
  if (list) return print(parts.map(({ name, about }) => `${name.padEnd(12)} ${about}`).join('\n'))
  for (const name of wanted) if (!parts.some((part) => part.name === name)) throw new CommandError(`There is no part ${name}; choose from ${parts.map((part) => part.name).join(', ')}.`)
  const total: Counts = { passed: 0, failed: 0, skipped: 0 }
  const failures: string[] = []
  const chosen = parts.filter((part) => wanted.length === 0 || wanted.includes(part.name))
  if (isRoot() && chosen.some((part) => needEngines.has(part.name))) await installPackages(createProcessRunner(), print, [...debianPackages, ...testPackages])
  for (const part of chosen) {
    print(`── ${part.name}: ${part.about}`)
    const started = performance.now()
    const counts = await part.run()
    total.passed += counts.passed
    total.failed += counts.failed
    total.skipped += counts.skipped
    if (counts.failed > 0) failures.push(part.name)
    print(`── ${part.name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
  }
  if (failures.length > 0) {
    print(`Failed: ${failures.join(', ')}`)
    process.exitCode = 1
  }
  print(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
}

async function check(args: readonly string[]): Promise<Counts> {
  const code = await node(args)
  return code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
}

/** A crash of the runner, or a suite in which nothing ran, counts as a failure. */
async function suite(files: readonly string[], concurrency: number): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-counts-'))
  const counted = join(folder, 'counts.json')
  const code = await node([
    '--test', `--test-concurrency=${concurrency}`, '--test-timeout=900000',
    '--test-reporter=dot', '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'checks', 'counting-reporter.ts')}`, `--test-reporter-destination=${counted}`, ...files,
  ])
  try {
    const { failures, ...counts } = JSON.parse(readFileSync(counted, 'utf8')) as Counts & { failures: string[] }
    for (const failure of failures) print(failure)
    if ((code !== 0 || counts.passed === 0) && counts.failed === 0) counts.failed = 1
    return counts
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function allTests(): string[] {
  return ['src', 'checks', 'conformance'].flatMap(testFiles)
}

/** Tests that change the machine, and compare it before and after: one at a time. */
function onTheMachine(file: string): boolean {
  return /acceptance|guest-lifecycle|src\/core\/process\/|drivers\/tests\/|(hypervisor|volume)-drivers|real-?(kernel|machine|engine)/.test(file)
}

function testFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts')).sort().map((file) => join(folder, file))
}

function node(args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd: root, stdio: ['ignore', 'inherit', 'inherit'],
      // Every test file is a process that loads the program: what Node made of it is kept for the next.
      env: { ...process.env, NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled') },
    })
    child.on('error', () => resolve(127))
    child.on('exit', (code) => resolve(code ?? 1))
  })
}
