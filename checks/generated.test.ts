// docs/generated/ is what the code says now, and says it of every route.
import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { folder, generated, routeTables } from './generate.ts'

const root = join(import.meta.dirname, '..')

test('what is generated is current; else run node checks/generate.ts', async () => {
  const wanted = await generated()
  const there = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  assert.deepEqual(there.sort(), [...wanted.keys()].sort())
  for (const [file, text] of wanted) assert.ok(readFileSync(join(folder, file), 'utf8') === text, `${file} is not current`)
})

test('the contract of each service names all its route tables', async () => {
  const files = globSync('src/services/*/contract/*.ts', { cwd: root }).filter((file) => !file.endsWith('/index.ts') && !file.endsWith('.test.ts'))
  assert.ok(files.length > 0)
  for (const file of files) {
    const path = join(root, file)
    const named = new Set(routeTables(Object.values((await import(join(path, '..', 'index.ts'))) as object)))
    for (const table of routeTables(Object.values((await import(path)) as object))) assert.ok(named.has(table), `${file} has a table that index.ts does not export`)
  }
})
