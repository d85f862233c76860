// One violation of every rule, planted in a small tree of its own, must be found; and what is allowed must pass.
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { checkLayers } from './layers.ts'

const root = join(import.meta.dirname, '..')

/** File, what it imports, and the rules that this breaks. */
const planted: readonly [file: string, imports: string, broken: readonly string[]][] = [
  ['src/core/spec/index.ts', '', []],
  ['src/core/db/index.ts', 'kysely', []],
  ['src/core/db/engine.ts', 'node:sqlite', []],
  ['src/core/testing/index.ts', '', []],
  ['src/core/process/index.ts', 'node:child_process', []],
  ['src/app/main.ts', '../services/nova/index.ts', []],
  ['src/services/nova/index.ts', './api/servers.ts', []],
  ['src/services/nova/api/servers.ts', '../domain/servers.ts', []],
  ['src/services/nova/domain/servers.ts', '../db/servers.ts', []],
  ['src/services/nova/domain/placing.ts', '#contract/placement', []],
  ['src/services/nova/db/servers.ts', 'kysely', []],
  ['src/services/nova/model/servers.ts', '#core/spec', []],
  ['src/services/nova/contract/index.ts', '#core/spec', []],
  ['src/services/nova/workers/conductor.ts', '../drivers/index.ts', []],
  ['src/services/nova/host/compute.ts', '../drivers/index.ts', []],
  ['src/services/nova/drivers/index.ts', './qemu/index.ts', []],
  ['src/services/nova/drivers/qemu/index.ts', '../interface.ts', []],
  ['src/services/nova/drivers/interface.ts', '../model/servers.ts', []],
  ['src/services/nova/tests/servers.test.ts', '#core/testing', []],
  ['src/services/nova/tests/property.test.ts', 'fast-check', []],
  ['src/services/placement/contract/index.ts', '#core/spec', []],
  ['src/services/placement/domain/claims.ts', '', []],

  ['src/simulation/invariants.ts', './rows-invariants.ts', []],
  ['src/simulation/rows-invariants.ts', './rows.ts', []],
  ['src/simulation/rows.ts', './storage.ts', []],
  ['src/simulation/storage.ts', '#core/db', []],
  ['src/simulation/ledger.ts', '', []],

  ['src/core/http/bad-service.ts', '../../services/nova/model/servers.ts', ['core-knows-no-service']],
  ['src/core/http/bad-app.ts', '../../app/main.ts', ['core-knows-no-service']],
  ['src/services/nova/api/bad-app.ts', '../../../app/paths.ts', ['services-know-no-app']],
  ['src/app/paths.ts', '', []],
  ['src/services/nova/domain/bad-neighbour.ts', '../../placement/domain/claims.ts', ['services-meet-at-contracts']],
  ['src/services/nova/contract/bad.ts', '#core/db', ['contract-is-pure']],
  ['src/services/nova/model/bad.ts', '../db/servers.ts', ['model-knows-nobody']],
  ['src/services/nova/domain/bad-api.ts', '../api/servers.ts', ['domain-knows-no-api']],
  ['src/services/nova/domain/bad-driver.ts', '../drivers/interface.ts', ['domain-knows-no-driver']],
  ['src/services/nova/host/bad-db.ts', '../db/servers.ts', ['host-knows-no-db']],
  ['src/services/nova/host/bad-core-db.ts', '#core/db', ['host-knows-no-db']],
  ['src/services/nova/host/bad-domain.ts', '../domain/servers.ts', ['host-knows-no-db']],
  ['src/services/nova/db/bad.ts', '../domain/servers.ts', ['db-is-a-leaf']],
  ['src/services/nova/drivers/fake/bad-driver.ts', '../qemu/index.ts', ['drivers-stand-alone']],
  ['src/services/nova/drivers/fake/bad-db.ts', '#core/db', ['drivers-know-no-db']],
  ['src/simulation/places.ts', './ledger.ts', ['row-invariants-know-only-rows']],
  ['src/simulation/faults.ts', '../services/nova/drivers/interface.ts', ['row-invariants-know-only-rows']],
  ['src/services/nova/domain/bad-sql.ts', 'kysely', ['sql-only-in-db']],
  ['src/services/nova/db/bad-engine.ts', 'node:sqlite', ['engines-only-in-core-db']],
  ['src/services/nova/api/bad-schemas.ts', 'typebox', ['typebox-only-in-core-spec']],
  ['src/services/nova/workers/bad-bus.ts', 'amqplib', ['amqp-only-in-core-rpc', 'imports-resolve']],
  ['src/services/nova/host/bad-process.ts', 'node:child_process', ['processes-only-in-core-process']],
  ['src/services/nova/api/bad-tests.ts', '#core/testing', ['tests-stay-out-of-production']],
  ['src/services/nova/api/bad-test-file.ts', '../tests/servers.test.ts', ['tests-stay-out-of-production']],
  ['src/core/http/bad-dev.ts', 'fast-check', ['production-needs-no-dev-dependency']],
  ['src/core/http/bad-undeclared.ts', 'pino-std-serializers', ['packages-are-declared']],
  ['src/core/http/bad-missing.ts', './missing.ts', ['imports-resolve']],
  ['src/core/http/bad-cycle.ts', './bad-cycle.types.ts', ['no-cycles']],
  ['src/core/http/bad-cycle.types.ts', './bad-cycle.ts', []],
]

function plant(t: TestContext, extra: Readonly<Record<string, string>> = {}): string {
  const tree = mkdtempSync(join(tmpdir(), 'nimbo-layers-'))
  t.after(() => rmSync(tree, { recursive: true }))
  for (const name of ['.dependency-cruiser.cjs', 'package.json', 'tsconfig.json']) copyFileSync(join(root, name), join(tree, name))
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(tree, file)), { recursive: true })
    writeFileSync(join(tree, file), text)
  }
  for (const [file, imports] of planted) {
    // Types count as imports as well, but a type alone from a package is no use of it.
    const isOurs = /^[.#]/.test(imports)
    write(file, imports === '' ? 'export {}\n' : `import ${isOurs ? 'type ' : ''}* as imported from '${imports}'\nexport ${isOurs ? 'type T = typeof imported' : '{ imported }'}\n`)
  }
  for (const [file, text] of Object.entries(extra)) write(file, text)
  return tree
}

test('each rule finds its planted violation, and nothing that is allowed', async (t) => {
  const { violations, filesRead, filesThere } = await checkLayers(plant(t, {
    'src/services/nova/domain/type-only.ts': "import type { Kysely } from 'kysely'\nexport type Handle = Kysely<unknown>\n",
  }))
  const found = violations.map(({ rule, from }) => `${rule} ${from}`)
  const expected = planted.flatMap(([file, , broken]) => broken.map((rule) => `${rule} ${file}`))
  assert.deepEqual([...new Set(found)].sort(), expected.sort())
  assert.deepEqual([filesRead, filesThere], [planted.length + 1, planted.length + 1])
})

test('a query that stands outside db is found by its words, and by its import of sql', async (t) => {
  const ask = "export const ask = (db: any) => db\n  .selectFrom('servers').execute()\n"
  const { violations } = await checkLayers(plant(t, {
    'src/services/nova/domain/asks.ts': ask,
    'src/services/nova/api/writes.ts': "export const write = (tx: any) => tx.updateTable('servers')\n",
    'src/services/nova/workers/counts.ts': "import { type Db, sql } from '#core/db'\nexport const count = (db: Db) => sql`${db}`\n",
    'src/services/nova/db/asks.ts': ask,
    'src/services/nova/tests/asks.ts': ask,
    'src/services/nova/domain/asks.test.ts': ask,
    'src/services/nova/domain/locks.ts': "import { lockRow } from '#core/db'\nexport const lock = lockRow\n",
  }))
  assert.deepEqual(violations.filter(({ rule }) => rule === 'queries-only-in-db').map(({ from, to }) => `${from} ${to}`).sort(), [
    'src/services/nova/api/writes.ts .updateTable(', 'src/services/nova/domain/asks.ts .selectFrom(',
    "src/services/nova/workers/counts.ts import { type Db, sql } from '#core/db'",
  ])
})

test('every rule has a planted violation', () => {
  const config = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs')) as { forbidden: readonly { name: string }[] }
  const tried = new Set(planted.flatMap(([, , broken]) => broken))
  assert.deepEqual(config.forbidden.map((rule) => rule.name).filter((name) => !tried.has(name)), [])
})

test('the tree as it stands keeps the layers, and every file was read', async () => {
  const { violations, filesRead, filesThere } = await checkLayers(root)
  assert.deepEqual(violations, [])
  assert.ok(filesThere > 0)
  assert.equal(filesRead, filesThere)
})
