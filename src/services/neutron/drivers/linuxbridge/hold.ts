// Which agent of a kind has the say on this host: the last that began, by a number on disk. One that was held up meanwhile
// finds a higher one before its next command.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type HeldDriver, type NetworkDriver, Superseded } from '../interface.ts'

const unguarded = new Set(['close', 'hold'])

export async function hold(driver: NetworkDriver, dataDirectory: string, agent: string): Promise<HeldDriver> {
  const directory = join(dataDirectory, 'agents')
  const path = join(directory, agent)
  await mkdir(directory, { recursive: true, mode: 0o755 })
  const read = async () => Number(await readFile(path, 'utf8').catch(() => '0'))
  const number = (await read()) + 1
  await writeFile(`${path}.new`, String(number), { mode: 0o644 })
  await rename(`${path}.new`, path)
  const confirm = async (): Promise<void> => {
    if ((await read()) > number) throw new Superseded(`Another ${agent} agent has taken over this host.`)
  }
  const guarded = Object.entries(driver).map(([name, value]) => {
    if (typeof value !== 'function' || unguarded.has(name)) return [name, value]
    return [name, async (...given: readonly unknown[]) => {
      await confirm()
      return Reflect.apply(value as (...all: readonly unknown[]) => unknown, driver, given)
    }]
  })
  return { ...(Object.fromEntries(guarded) as NetworkDriver), confirm }
}
