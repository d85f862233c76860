// Every schema of a contract is a JSON Schema: at run time nobody looks any more.
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'

const root = join(import.meta.dirname, '..')

/** What is handed to the validator: below `body`, `query`, `params`, `reply`, `args` and `result`, by version or not. */
function* schemasIn(value: unknown, path: string, inside = false): Generator<readonly [string, object]> {
  if (typeof value !== 'object' || value === null) return
  if (inside && !('versioned' in value) && !/\/(reply|versioned)$/.test(path)) return yield [path, value]
  for (const [key, inner] of Object.entries(value)) yield* schemasIn(inner, `${path}/${key}`, inside || /^(body|query|params|reply|args|result)$/.test(key))
}

test('every schema of every contract is a JSON Schema', async () => {
  const ajv = new Ajv2020({ strict: false })
  const seen: string[] = []
  for (const file of globSync('src/services/*/contract/index.ts', { cwd: root })) {
    for (const [name, value] of Object.entries((await import(join(root, file))) as object)) {
      const tables = [value?.routes, value?.methods].filter((each) => typeof each === 'object')
      for (const [path, schema] of tables.flatMap((table) => [...schemasIn(table, `${file}: ${name}`)])) {
        seen.push(path)
        assert.ok(ajv.validateSchema(schema), `${path}: ${ajv.errorsText(ajv.errors)}`)
      }
    }
  }
  assert.ok(seen.length > 500, `${seen.length} schemas were looked at`)
  assert.ok(!ajv.validateSchema({ type: 'sting' }), 'a wrong one is noticed')
})
