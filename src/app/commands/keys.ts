// `nimbo keys rotate`: a new key for new tokens; older tokens stay valid as long as their key is kept.
import { existsSync } from 'node:fs'
import { systemRandom } from '#core/context'
import { readConfiguration } from '../configuration.ts'
import { dropTo, findUser } from '../host.ts'
import { layout } from '../layout.ts'
import { isRoot, readSettings } from '../settings.ts'
import { CommandError, print } from '../terminal.ts'

export async function rotateKeys(directory: string): Promise<void> {
  const settings = readSettings(directory)
  const files = layout(directory)
  if (!settings || !existsSync(files.data)) throw new CommandError('There is no cloud yet: start one with `nimbo up`.')
  const config = await readConfiguration(directory, undefined)
  const { rotateFernetKeys } = await import('../../services/keystone/index.ts')
  if (isRoot() && settings.driver === 'real') {
    // The keys belong to the user that the cloud runs as.
    const [own, qemu] = [findUser('nimbo'), findUser('nimbo-qemu')]
    if (!own || !qemu) throw new CommandError('The user nimbo is missing: run `nimbo up` first.')
    dropTo(own, { own, qemu })
  }
  const primary = rotateFernetKeys({ dataDirectory: files.data, random: systemRandom, config: (section) => config[section.name] as never })
  print(`Key ${primary} signs new tokens from now on.`)
}
