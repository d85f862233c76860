// The whole disk: an MBR, a FAT partition with syslinux, kernel and initrd, and an ext4 partition. Nothing is mounted.
import { open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessRunner } from '../../core/process/interface.ts'
import { specialFiles } from './root-tree.ts'

const mebibyte = 1024 * 1024
const sector = 512
const bootStart = mebibyte
const bootSize = 20 * mebibyte
const rootStart = bootStart + bootSize
const rootSize = 40 * mebibyte

export interface DiskContent {
  readonly kernel: string
  readonly initrd: string
  readonly syslinuxConfig: string
  readonly rootTree: string
}

/** Write a raw disk image. `tree` is where the tools were unpacked. */
export async function writeDisk(runner: ProcessRunner, tree: string, content: DiskContent, target: string): Promise<void> {
  await rm(target, { force: true })
  const disk = await open(target, 'wx')
  try {
    await disk.truncate(rootStart + rootSize)
    await disk.write(await masterBootRecord(tree), 0, sector, 0)
  } finally {
    await disk.close()
  }
  // The tools come from the unpacked packages, so that nothing needs to be installed.
  const tool = (name: string, args: readonly string[], input?: string) =>
    runner.run('env', [
      `PATH=${tree}/usr/bin:${tree}/sbin:${tree}/usr/sbin:/usr/bin:/bin`,
      `LD_LIBRARY_PATH=${tree}/lib/x86_64-linux-gnu:${tree}/usr/lib/x86_64-linux-gnu`,
      'MTOOLS_SKIP_CHECK=1', name, ...args,
    ], { timeoutSeconds: 60, ...(input !== undefined && { input }) })

  await tool('mkfs.fat', ['-F', '16', '-s', '4', '-n', 'BOOT', '--offset', String(bootStart / sector), '-h', String(bootStart / sector), target, String(bootSize / 1024)])
  const partition = `${target}@@${bootStart}`
  await tool('mcopy', ['-i', partition, content.kernel, '::vmlinuz'])
  await tool('mcopy', ['-i', partition, content.initrd, '::initrd.gz'])
  await tool('mcopy', ['-i', partition, content.syslinuxConfig, '::syslinux.cfg'])
  await tool('syslinux', ['--install', '-t', String(bootStart), target])

  await tool('mke2fs', [
    '-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '1', '-L', 'nimbo-root', '-J', 'size=4', '-i', '16384',
    // Room in the group descriptors to grow online up to 1 TiB.
    '-E', `offset=${rootStart},resize=${(1024 ** 4) / 4096},root_owner=0:0`, '-d', content.rootTree, target, `${rootSize / 1024}k`,
  ])
  await tool('debugfs', ['-w', '-f', '-', `${target}?offset=${rootStart}`], await ownership(content.rootTree))
}

/** debugfs commands that make everything root's, except what is special: the files here belong to whoever builds. */
async function ownership(rootTree: string): Promise<string> {
  const lines: string[] = []
  const own = (path: string, owner: number): void => {
    lines.push(`set_inode_field "${path}" uid ${owner}`, `set_inode_field "${path}" gid ${owner}`)
  }
  for (const path of await readdir(rootTree, { recursive: true })) own(`/${path}`, 0)
  for (const special of specialFiles) {
    own(special.path, special.owner)
    lines.push(`set_inode_field "${special.path}" mode 0${special.mode.toString(8)}`)
  }
  return `${lines.join('\n')}\n`
}

async function masterBootRecord(tree: string): Promise<Buffer> {
  const record = Buffer.alloc(sector)
  ;(await readFile(join(tree, 'usr/lib/syslinux/mbr/mbr.bin'))).copy(record, 0, 0, 440)
  record.write('NIMB', 440, 'latin1') // disk signature
  partitionEntry(record, 0, { active: true, type: 0x06, start: bootStart, size: bootSize })
  partitionEntry(record, 1, { active: false, type: 0x83, start: rootStart, size: rootSize })
  record.writeUInt16LE(0xaa55, 510)
  return record
}

function partitionEntry(record: Buffer, index: number, entry: { active: boolean; type: number; start: number; size: number }): void {
  const at = 446 + index * 16
  record.writeUInt8(entry.active ? 0x80 : 0, at)
  record.set([0xfe, 0xff, 0xff], at + 1) // no cylinder addressing
  record.writeUInt8(entry.type, at + 4)
  record.set([0xfe, 0xff, 0xff], at + 5)
  record.writeUInt32LE(entry.start / sector, at + 8)
  record.writeUInt32LE(entry.size / sector, at + 12)
}
