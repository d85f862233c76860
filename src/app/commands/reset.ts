// `nimbo reset`: the cloud and everything that it has are gone, as if it had never been.
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { clearHost } from '../host-traces.ts'
import { isBegun, type Layout, layout, ownPaths } from '../layout.ts'
import { readSettings } from '../settings.ts'
import { CommandError, print } from '../terminal.ts'
import { down } from './down.ts'

export async function reset(directory: string, yes: boolean): Promise<void> {
  if (!existsSync(directory)) return print('There is no cloud to remove.')
  const files = layout(directory)
  const settings = readSettings(directory)
  if (!isBegun(files)) throw new CommandError(`${directory} holds no cloud; nothing is removed.`)
  if (!yes) {
    if (!process.stdin.isTTY) throw new CommandError('This removes all servers, volumes and images. Say so with --yes.')
    const ask = createInterface({ input: process.stdin, output: process.stderr })
    const answer = await ask.question(`This removes the cloud in ${directory} with all its servers, volumes and images. Type yes to go on: `)
    ask.close()
    if (answer.trim() !== 'yes') return print('Nothing was removed.')
  }
  await down(directory, { quiet: true })
  // A first start that failed before it had chosen anything left folders only.
  if (settings) await clearHost(directory, settings)
  removeFolder(files)
  print(existsSync(directory) && readdirSync(directory).length > 0 ? `The cloud is gone. What lies in ${directory} now is not its own and stays.` : 'The cloud is gone.')
}

/** A folder that something is mounted on, or that has more than the cloud's own files, stays. */
function removeFolder(files: Layout): void {
  const { directory } = files
  for (const path of ownPaths(files)) rmSync(path, { recursive: true, force: true })
  if (readdirSync(directory).length > 0) return
  try {
    rmdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
  }
}
