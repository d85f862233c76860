// `nimbo logs`: the end of the log, and with -f what is added to it.
import { createReadStream, existsSync, statSync, watchFile } from 'node:fs'
import { layout } from '../layout.ts'
import { CommandError, print } from '../terminal.ts'
import { lastLines } from './up.ts'

export async function logs(directory: string, follow: boolean, count: number): Promise<void> {
  const file = layout(directory).log
  if (!existsSync(file)) throw new CommandError(`There is no log yet: ${file}`)
  let position = statSync(file).size
  print(lastLines(file, count))
  if (!follow) return
  watchFile(file, { interval: 200 }, ({ size }) => {
    if (size < position) position = 0
    if (size === position) return
    createReadStream(file, { start: position, end: size - 1 }).pipe(process.stdout, { end: false })
    position = size
  })
  await new Promise(() => {})
}
