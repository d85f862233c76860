// `nimbo reset`: the cloud and everything that it has are gone, as if it had never been.
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { readSettings } from '../settings.ts'
import { clearHost } from '../host-traces.ts'
import { CommandError, print } from '../terminal.ts'
import { down } from './down.ts'

export async function reset(directory: string, yes: boolean): Promise<void> {
  if (!existsSync(directory)) return print('There is no cloud to remove.')
  const settings = readSettings(directory)
  if (!settings) throw new CommandError(`${directory} holds no cloud; nothing is removed.`)
  if (!yes) {
    if (!process.stdin.isTTY) throw new CommandError('This removes all servers, volumes and images. Say so with --yes.')
    const ask = createInterface({ input: process.stdin, output: process.stderr })
    const answer = await ask.question(`This removes the cloud in ${directory} with all its servers, volumes and images. Type yes to go on: `)
    ask.close()
    if (answer.trim() !== 'yes') return print('Nothing was removed.')
  }
  await down(directory, { quiet: true })
  await clearHost(directory, settings)
  removeFolder(directory)
  print('The cloud is gone.')
}

/** A folder that something is mounted on cannot go: it stays, empty. */
function removeFolder(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true })
  try {
    rmdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
  }
}
