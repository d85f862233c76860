import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ConfigError, defineOptions, option, readConfig, sampleConfig, type Settings } from './index.ts'

const bakery = defineOptions('bakery', {
  oven_temperature: option.integer({ default: 220, unit: '°C', minimum: 50, maximum: 400, help: 'How hot the oven is.' }),
  salt_ratio: option.number({ default: 0.02, minimum: 0, help: 'Salt per flour.' }),
  open_on_sunday: option.boolean({ default: false, help: 'Whether the shop opens on Sunday.' }),
  flour: option.choice(['wheat', 'rye'], { default: 'wheat', help: 'The flour.' }),
  baker: option.text({ default: 'Ann', help: 'Who bakes.' }),
  recipe: option.optionalText({ secret: true, help: 'The secret.' }),
  shelves: option.list({ default: ['top'], help: 'Where bread lies.' }),
  prices: option.map({ default: {}, help: 'What bread costs.' }),
})
const shop = defineOptions('shop', { doors: option.integer({ default: 1, help: 'How many doors.' }) })
const sections = [bakery, shop] as const

const defaults: Settings<typeof bakery> = {
  oven_temperature: 220, salt_ratio: 0.02, open_on_sunday: false, flour: 'wheat', baker: 'Ann', recipe: undefined, shelves: ['top'], prices: {},
}

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-config-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'nimbo.toml')
  writeFileSync(file, text)
  return file
}

async function problems(file: string | undefined, environment: Record<string, string> = {}): Promise<string> {
  const error = await readConfig({ ...(file === undefined ? {} : { file }), environment, sections }).then(() => undefined, (reason: unknown) => reason)
  assert.ok(error instanceof ConfigError)
  return error.problems.join('\n')
}

test('without a file everything has its default', async () => {
  const config = await readConfig({ environment: { HOME: '/', NIMBO_DATA: 'x' }, sections })
  const flour: 'wheat' | 'rye' = config.bakery.flour
  assert.equal(flour, 'wheat')
  assert.deepEqual(config, { bakery: defaults, shop: { doors: 1 } })
})

test('the file overrides defaults, the environment overrides the file', async (t) => {
  const file = fileWith(t, `[bakery]
oven_temperature = 240
flour = "rye"
open_on_sunday = true
shelves = ["a", "b"]
[bakery.prices]
bun = "1"
`)
  const environment = {
    NIMBO_BAKERY_OVEN_TEMPERATURE: '250', NIMBO_BAKERY_SALT_RATIO: '.5', NIMBO_BAKERY_SHELVES: 'x, y', NIMBO_BAKERY_RECIPE: 'r',
    NIMBO_BAKERY_PRICES: 'bun = 2,loaf=a=b', NIMBO_BAKERY_OPEN_ON_SUNDAY: 'false', NIMBO_SHOP_DOORS: '2',
  }
  assert.deepEqual((await readConfig({ file, environment: {}, sections })).bakery, {
    ...defaults, oven_temperature: 240, flour: 'rye', open_on_sunday: true, shelves: ['a', 'b'], prices: { bun: '1' },
  })
  assert.deepEqual(await readConfig({ file, environment, sections }), {
    bakery: {
      ...defaults, oven_temperature: 250, salt_ratio: 0.5, flour: 'rye', open_on_sunday: false, shelves: ['x', 'y'], recipe: 'r',
      prices: { bun: '2', loaf: 'a=b' },
    },
    shop: { doors: 2 },
  })
})

test('what is wrong is told all at once, with what to do', async (t) => {
  const file = fileWith(t, `shop = 3
[bakery]
oven_temperature = 1000
flour = "oats"
oven_temprature = 200
recipe = 7
[bakry]
`)
  const told = await problems(file, { NIMBO_BAKERY_OPEN_ON_SUNDAY: 'maybe', NIMBO_BAKERY_BAKR: 'x' })
  assert.equal(told.replaceAll(file, 'FILE'), `Remove bakry from FILE, or correct its name: there is no such section (did you mean bakery?).
Set bakery.oven_temperature in FILE to a whole number from 50 to 400 (°C), not 1000. How hot the oven is.
Set the environment variable NIMBO_BAKERY_OPEN_ON_SUNDAY to true or false, not "maybe". Whether the shop opens on Sunday.
Set bakery.flour in FILE to one of "wheat", "rye", not "oats". The flour.
Set bakery.recipe in FILE to a text in quotation marks, not ***. The secret.
Remove oven_temprature from [bakery] in FILE, or correct its name: there is no such option (did you mean oven_temperature?).
Write [shop] in FILE on a line of its own, with the options of shop on the lines below.
Unset the environment variable NIMBO_BAKERY_BAKR, or correct its name: there is no such option (did you mean NIMBO_BAKERY_BAKER?).`)
})

test('a file that is missing or is not TOML is told', async (t) => {
  assert.match(await problems('/nowhere/nimbo.toml'), /There is no configuration file .* every option has a default/)
  assert.match(await problems(fileWith(t, '[bakery\n')), /not valid TOML/)
})

test('numbers are read strictly', async () => {
  for (const text of ['', ' ', '0x10', '1.5', 'NaN', '49', '1e999']) {
    assert.match(await problems(undefined, { NIMBO_BAKERY_OVEN_TEMPERATURE: text }), /a whole number from 50 to 400/, text)
  }
})

test('the sample names everything, and means nothing but the defaults', async (t) => {
  const sample = sampleConfig(sections)
  assert.match(sample, /# How hot the oven is\.\n# Expects a whole number from 50 to 400, in °C\. Variable: NIMBO_BAKERY_OVEN_TEMPERATURE\n#oven_temperature = 220\n/)
  assert.deepEqual(await readConfig({ file: fileWith(t, sample), environment: {}, sections }), await readConfig({ environment: {}, sections }))
  const uncommented = sample.replaceAll(/^#(\w+ = .+)$/gm, '$1')
  assert.deepEqual(await readConfig({ file: fileWith(t, uncommented), environment: {}, sections }), await readConfig({ environment: {}, sections }))
})

test('mistakes of the author are refused', async () => {
  assert.throws(() => defineOptions('a-b', {}), /snake_case/)
  await assert.rejects(readConfig({ environment: {}, sections: [shop, shop] }), /declared twice/)
  const clash = [defineOptions('a', { b_c: option.text({ default: '', help: '' }) }), defineOptions('a_b', { c: option.text({ default: '', help: '' }) })]
  await assert.rejects(readConfig({ environment: {}, sections: clash }), /same variable NIMBO_A_B_C/)
})
