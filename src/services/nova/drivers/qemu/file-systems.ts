// What an empty disk is given before its guest sees it: a file system, or the mark of swap space.
import { open, rm } from 'node:fs/promises'
import type { BlankDisk } from '../interface.ts'

/** Later blocks are made by the guest, in its own time: a large disk is formatted as quickly as a small one. */
const later = 'lazy_itable_init=1,lazy_journal_init=1'

/** Make a qcow2 file at `path`, which takes the room that its file system takes. `run` runs a program within its limits. */
export async function makeFormatted(run: (program: string, args: readonly string[]) => Promise<void>, disk: BlankDisk, path: string): Promise<void> {
  const raw = `${path}.raw`
  await rm(raw, { force: true })
  try {
    const file = await open(raw, 'wx', 0o600)
    try {
      await file.truncate(disk.sizeMiB * 1024 ** 2)
    } finally {
      await file.close()
    }
    if (disk.format === 'swap') await run('mkswap', [raw])
    else await run('mke2fs', ['-q', '-F', '-t', disk.format, '-L', disk.label, '-E', later, raw])
    await run('qemu-img', ['convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, path])
  } finally {
    await rm(raw, { force: true })
  }
}
