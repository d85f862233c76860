// The folder of a cloud must be its own: whoever else could lay links into it would have root write, and give away, what they point to.
import { lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Layout } from './layout.ts'
import { CommandError } from './terminal.ts'

/** @throws CommandError for a folder that somebody else made where everybody may make one, and for links that somebody else laid into it */
export function refuseForeign({ directory, data, cache, log }: Layout): void {
  const trusted = (uid: number) => uid === 0 || uid === process.getuid?.()
  const folder = statSync(directory, { throwIfNoEntry: false })
  if (!folder) return
  const above = statSync(dirname(directory))
  const laid = lstatSync(directory)
  if ((above.mode & 0o002) !== 0 && !(trusted(folder.uid) && trusted(laid.uid))) {
    throw new CommandError(`The folder ${directory} belongs to another user of this machine, who may change what is in it. Choose another one with --data, or remove it.`)
  }
  for (const path of [data, cache, log]) {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found?.isSymbolicLink() && !trusted(found.uid)) throw new CommandError(`${path} is a link that another user of this machine laid. Remove it, or choose another folder with --data.`)
  }
}
