// The layers of STYLE.md, checked; and the checker checked: it must have read every file there is.
import { spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Only what we read of the report (dependency-cruiser.js.org, cruise result). */
interface Report {
  readonly modules: readonly { readonly source: string }[]
  readonly summary: { readonly violations: readonly { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }[] }
}

export interface Violation {
  readonly rule: string
  readonly from: string
  readonly to: string
}

export interface LayersResult {
  readonly violations: readonly Violation[]
  readonly filesRead: number
  readonly filesThere: number
}

/** @throws Error when the checker itself fails */
export async function checkLayers(root: string): Promise<LayersResult> {
  const report = JSON.parse(await cruise(root)) as Report
  const read = new Set(report.modules.map((module) => module.source).filter((source) => source.startsWith('src/') && source.endsWith('.ts')))
  const there = globSync('src/**/*.ts', { cwd: root })
  return {
    violations: [...report.summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })), ...strayQueries(root, there)],
    filesRead: there.filter((file) => read.has(file)).length,
    filesThere: there.length,
  }
}

const query = /\.(selectFrom|insertInto|replaceInto|updateTable|deleteFrom|mergeInto)\(|import \{[^}]*\bsql\b[^}]*\} from '#core\/db'/
/** These still break it; the list only shrinks. */
const notYet = ['floating-ips', 'networks', 'router-gateway', 'router-interfaces'].map((name) => `src/services/neutron/domain/${name}.ts`)

/** A handle of the database is passed around by its type, so that a query needs no import: it is found by its words. */
function strayQueries(root: string, files: readonly string[]): Violation[] {
  return files
    .filter((file) => /^src\/(services|app)\//.test(file) && !/\/(db|tests|testing)\/|\.test\.ts$/.test(file) && !notYet.includes(file))
    .flatMap((file) => {
      const found = query.exec(readFileSync(join(root, file), 'utf8'))
      return found ? [{ rule: 'queries-only-in-db', from: file, to: found[0] }] : []
    })
}

function cruise(root: string): Promise<string> {
  const program = join(import.meta.dirname, '../node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')
  const child = spawn(process.execPath, [program, 'src', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'], {
    cwd: root, stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString())
      else reject(new Error(`dependency-cruiser ended with ${code}`))
    })
  })
}

if (import.meta.main) {
  const { violations, filesRead, filesThere } = await checkLayers(join(import.meta.dirname, '..'))
  for (const { rule, from, to } of violations) console.error(`${rule}: ${from} → ${to}`)
  if (filesRead !== filesThere) console.error(`only ${filesRead} of ${filesThere} files were read`)
  const good = violations.length === 0 && filesRead === filesThere && filesThere > 0
  console.log(`layers: ${filesRead} files read, ${violations.length} violations`)
  process.exitCode = good ? 0 : 1
}
