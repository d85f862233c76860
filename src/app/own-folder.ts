// The folder of a cloud must be its own: whoever else could lay links into it would have root write, and give away, what they point to.
import { existsSync, lstatSync, readdirSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isBegun, type Layout, ownPaths } from './layout.ts'
import { CommandError } from './terminal.ts'

/** @throws CommandError for a folder that somebody else made where everybody may make one, and for links that somebody else laid into it */
export function refuseForeign(files: Layout): void {
  const { directory, data, cache, log } = files
  const trusted = (uid: number) => uid === 0 || uid === process.getuid?.()
  const folder = look(directory)
  if (!folder) return
  if (!folder.isDirectory()) throw new CommandError(`${directory} is not a folder. Choose one with --data.`)
  const above = statSync(dirname(directory))
  const laid = lstatSync(directory)
  if ((above.mode & 0o002) !== 0 && !(trusted(folder.uid) && trusted(laid.uid))) {
    throw new CommandError(`The folder ${directory} belongs to another user of this machine, who may change what is in it. Choose another one with --data, or remove it.`)
  }
  for (const path of [data, cache, log]) {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found?.isSymbolicLink() && !trusted(found.uid)) throw new CommandError(`${path} is a link that another user of this machine laid. Remove it, or choose another folder with --data.`)
  }
  refuseTaken(files)
}

/**
 * What is there and was made by no cloud would be mixed with the cloud's own, and go with it. The log is the first thing that a
 * start makes; an empty folder may be laid out before it, on a larger disk for instance.
 */
function refuseTaken(files: Layout): void {
  if (isBegun(files)) return
  const taken = ownPaths(files).find((path) => path !== files.log && existsSync(path) && !isEmptyFolder(path))
  if (taken !== undefined) throw new CommandError(`${taken} is there already, and no cloud made it. Choose another folder with --data.`)
}

function isEmptyFolder(path: string): boolean {
  return statSync(path).isDirectory() && readdirSync(path).length === 0
}

function look(directory: string): Stats | undefined {
  try {
    return statSync(directory, { throwIfNoEntry: false })
  } catch (error) {
    throw new CommandError(`The folder of the cloud cannot be reached: ${directory} (${(error as NodeJS.ErrnoException).code ?? String(error)}). Choose another one with --data.`)
  }
}
