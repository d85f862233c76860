// A file system of its own below a folder, small enough to be filled while a cloud lives on it.
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface SmallDisk {
  /** From now on nothing is left: what comes free is taken at once. */
  fill(): void
  /** So much is left, for whoever is first. */
  fillBut(mebibytes: number): void
  /** It stays full, but what comes free is for whoever is first. */
  stopFilling(): void
  empty(): void
  free(): number
  unmount(): Promise<void>
}

const mebibyte = 1024 ** 2

export function mountSmallDisk(folder: string, gibibytes: number): SmallDisk {
  const file = `${folder}.ext4`
  writeFileSync(file, '')
  truncateSync(file, gibibytes * 1024 * mebibyte)
  // Root may not write more than others.
  execFileSync('/usr/sbin/mkfs.ext4', ['-q', '-F', '-m', '0', file])
  execFileSync('/usr/bin/mount', ['-o', 'loop', file, folder])
  rmSync(join(folder, 'lost+found'), { recursive: true })
  const filler = join(folder, 'filler')
  let filling: NodeJS.Timeout | undefined
  const free = () => {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  }
  const size = () => statSync(filler, { throwIfNoEntry: false })?.size ?? 0
  const take = (bytes: number) => {
    if (bytes > 0) execFileSync('/usr/bin/fallocate', ['-o', String(size()), '-l', String(bytes), filler], { stdio: 'pipe' })
  }
  /** Larger blocks and then small ones, until the file system itself says that nothing is left. */
  const takeLast = () => {
    const opened = openSync(filler, 'a')
    for (const length of [mebibyte, 65_536, 4096]) {
      try {
        for (const block = Buffer.alloc(length); writeSync(opened, block) === length;);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
    closeSync(opened)
  }
  const stopFilling = () => clearInterval(filling)
  return {
    fill() {
      stopFilling()
      try {
        take(free() - mebibyte)
      } catch {
        // Somebody else took of it meanwhile.
      }
      takeLast()
      filling = setInterval(takeLast, 50)
    },
    fillBut(mebibytes) {
      take(free() - mebibytes * mebibyte)
    },
    stopFilling,
    empty() {
      stopFilling()
      rmSync(filler, { force: true })
    },
    free,
    async unmount() {
      stopFilling()
      // Somebody may just look into it.
      for (let tries = 1; ; tries++) {
        try {
          execFileSync('/usr/bin/umount', [folder], { stdio: 'pipe' })
          break
        } catch (error) {
          if (tries === 50) throw error
          await sleep(100)
        }
      }
      rmSync(file)
    },
  }
}
