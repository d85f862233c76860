// A guest's serial console as a file that QEMU appends to: its end for people, and a cap on its length.
import { open, stat } from 'node:fs/promises'

/** What is kept when the file is cut, and the length at which that happens. */
const keptBytes = 512 * 1024
const largestBytes = 2 * 1024 * 1024

export async function readConsole(path: string, lines?: number): Promise<string> {
  const text = (await readEnd(path, keptBytes)).toString('utf8')
  if (lines === undefined) return text
  if (lines <= 0) return ''
  const all = text.split('\n')
  // A line that is ended is followed by an empty rest, which is no line.
  const ended = all.at(-1) === '' ? 1 : 0
  return all.slice(Math.max(0, all.length - ended - lines)).join('\n')
}

/** QEMU writes at the end of whatever is there, so the file can be cut under it. */
export async function capConsole(path: string): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: 0 }))
  if (size <= largestBytes) return
  const kept = await readEnd(path, keptBytes)
  const file = await open(path, 'r+')
  try {
    await file.truncate(0)
    await file.write(kept, 0, kept.length, 0)
  } finally {
    await file.close()
  }
}

async function readEnd(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return Buffer.alloc(0)
  try {
    const { size } = await file.stat()
    const end = Buffer.alloc(Math.min(size, bytes))
    const { bytesRead } = await file.read(end, 0, end.length, size - end.length)
    return end.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
