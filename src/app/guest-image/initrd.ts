// The initial RAM disk: a cpio archive in the "newc" form, gzipped.
import { gzipSync } from 'node:zlib'

export interface ArchiveEntry {
  readonly path: string
  readonly mode: number
  readonly content?: Buffer
}

export const directoryMode = 0o040755
export const programMode = 0o100755
export const fileMode = 0o100644

export function packInitrd(entries: readonly ArchiveEntry[]): Buffer {
  const parts: Buffer[] = []
  const add = (number: number, entry: ArchiveEntry): void => {
    const name = Buffer.from(`${entry.path}\0`)
    const content = entry.content ?? Buffer.alloc(0)
    const fields = [number, entry.mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0]
    const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
    parts.push(header, name, padding(header.length + name.length), content, padding(content.length))
  }
  entries.forEach((entry, index) => add(index + 1, entry))
  add(0, { path: 'TRAILER!!!', mode: 0 })
  return gzipSync(Buffer.concat(parts), { level: 6 })
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4)
}
