// The file behind a host's journal: text is added to its end, or it is replaced as a whole; both are on the disk when they resolve.
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Runtime } from '#core/service'

export interface JournalFile {
  /** All of it; nothing when it is not there yet. */
  read(): Promise<string>
  append(text: string): Promise<void>
  /** Either the old text or the new one is there, whatever happens meanwhile. */
  replace(text: string): Promise<void>
  close(): Promise<void>
}

export function openJournalFile({ dataDirectory, host, stage }: Pick<Runtime, 'dataDirectory' | 'host' | 'stage'>): JournalFile {
  if (!stage) return fileOnDisk(join(dataDirectory, 'nova', 'host-journal.jsonl'))
  const world = stage.kept(`journal ${host}`, () => ({ text: '' }))
  const does = async (effect: string, run: () => void) => {
    await stage.before(`journal ${effect}`)
    run()
    await stage.after(`journal ${effect}`)
  }
  return {
    read: async () => world.text,
    append: (text) => does('append', () => void (world.text += text)),
    replace: (text) => does('replace', () => void (world.text = text)),
    close: async () => {},
  }
}

export function fileOnDisk(path: string): JournalFile {
  let file: FileHandle | undefined
  /** The file may end within a line. */
  let torn = true
  return {
    async read() {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      return readFile(path, 'utf8').catch(() => '')
    },
    async append(text) {
      file ??= await open(path, 'a', 0o600)
      const begin = torn ? '\n' : ''
      torn = true
      await file.writeFile(begin + text)
      await file.datasync()
      torn = false
    },
    async replace(text) {
      const next = await open(`${path}.new`, 'w', 0o600)
      try {
        await next.writeFile(text)
        await next.datasync()
        await rename(`${path}.new`, path)
        await syncDirectory(dirname(path))
      } catch (error) {
        await next.close()
        throw error
      }
      await file?.close()
      file = next
      torn = false
    },
    async close() {
      await file?.close()
      file = undefined
    },
  }
}

/** Until then a new name may be lost with the power. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
