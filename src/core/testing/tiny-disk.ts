// A file system of its own for a test, full after a few kilobytes. Needs root.
import { appendFileSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createProcessRunner } from '../process/index.ts'

export interface TinyDisk {
  readonly folder: string
  /** From now on nothing is left. */
  fill(): void
  empty(): void
}

const kibibytes = 512

export async function mountTinyDisk(t: TestContext): Promise<TinyDisk> {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-disk-'))
  const { run } = createProcessRunner()
  await run('/usr/bin/mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'nimbo-test', folder], { timeoutSeconds: 10 })
  t.after(async () => {
    await run('/usr/bin/umount', ['--lazy', folder], { timeoutSeconds: 10 })
    rmdirSync(folder)
  })
  const filler = join(folder, 'filler')
  return {
    folder,
    fill() {
      try {
        for (const block = Buffer.alloc(4096); ; ) appendFileSync(filler, block)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    },
    empty: () => rmSync(filler, { force: true }),
  }
}
