// A file system of its own for a test, full after a few kilobytes. Needs root.
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export interface TinyDisk {
  readonly folder: string
  /** From now on nothing is left. */
  fill(): void
  empty(): void
}

const kibibytes = 512

export function mountTinyDisk(t: TestContext): TinyDisk {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-disk-'))
  execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'nimbo-test', folder])
  t.after(() => {
    execFileSync('/usr/bin/umount', [folder])
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
