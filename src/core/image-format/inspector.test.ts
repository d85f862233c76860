// Crafted headers for what went wrong elsewhere (SECURITY-CASES 1–7), files as qemu-img makes them, and random ones.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { createProcessRunner } from '../process/index.ts'
import { FormatInspector, reasonsAgainst, type ImageReport } from './index.ts'

const mebibyte = 1024 * 1024

function inspect(content: Buffer, chunkBytes = 4096): ImageReport {
  const inspector = new FormatInspector()
  for (let at = 0; at < content.length; at += chunkBytes) inspector.take(content.subarray(at, at + chunkBytes))
  return inspector.finish()
}

function qcow2(change: (header: Buffer) => void = () => {}): Buffer {
  const image = Buffer.alloc(2 * 65536)
  image.writeUInt32BE(0x514649fb, 0)
  image.writeUInt32BE(3, 4)
  image.writeUInt32BE(16, 20)
  image.writeBigUInt64BE(BigInt(mebibyte), 24)
  image.writeUInt32BE(1, 36)
  image.writeUInt32BE(104, 100)
  change(image)
  return image
}

function vmdk(descriptor: string, capacitySectors = 2048): Buffer {
  const image = Buffer.alloc(3 * 65536)
  image.write('KDMV', 0)
  image.writeUInt32LE(3, 4)
  image.writeBigUInt64LE(BigInt(capacitySectors), 12)
  image.writeBigUInt64LE(1n, 28)
  image.writeBigUInt64LE(20n, 36)
  image.write(descriptor, 512)
  return image
}
const goodDescriptor = '# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\ncreateType="streamOptimized"\nRW 2048 SPARSE "disk.vmdk"\n'

test('a plain qcow2 is safe and says its size', () => {
  assert.deepEqual(inspect(qcow2()), {
    format: 'qcow2', marks: ['qcow2'], partitions: 'none', virtualSizeBytes: mebibyte, fileSizeBytes: 131072, unsafe: [],
  })
})

/** With the table at the end, where a second header says another capacity. */
function vmdkWithFooter(capacitySectors: number): Buffer {
  const start = vmdk(goodDescriptor)
  start.writeBigUInt64LE(2n ** 64n - 1n, 56)
  const footer = Buffer.from(start.subarray(0, 512))
  footer.writeBigUInt64LE(64n, 56)
  footer.writeBigUInt64LE(BigInt(capacitySectors), 12)
  return Buffer.concat([start, footer, Buffer.alloc(512)])
}

const hint = 'parentFileNameHint="json:{}"'

const refused: [string, Buffer, RegExp][] = [
  ['a qcow2 with a backing file', qcow2((h) => { h.writeBigUInt64BE(200n, 8); h.writeUInt32BE(11, 16); h.write('/etc/passwd', 200) }), /backing/],
  ['a qcow2 with an external data file', qcow2((h) => h.writeBigUInt64BE(4n, 72)), /external data/],
  ['a qcow2 that names a data file in an extension', qcow2((h) => { h.writeUInt32BE(0x44415441, 104); h.writeUInt32BE(8, 108) }), /external data/],
  ['a qcow2 that hides it behind another extension', qcow2((h) => {
    h.writeUInt32BE(0x6803f857, 104); h.writeUInt32BE(48, 108); h.writeUInt32BE(0x44415441, 160); h.writeUInt32BE(8, 164)
  }), /external data/],
  ['a qcow2 with features not known', qcow2((h) => h.writeBigUInt64BE(1n << 40n, 72)), /not known/],
  ['a qcow of version 1', qcow2((h) => h.writeUInt32BE(1, 4)), /version/],
  ['an encrypted qcow2', qcow2((h) => h.writeUInt32BE(1, 32)), /encrypted/],
  ['a qcow2 with an impossible size', qcow2((h) => h.writeBigUInt64BE(2n ** 63n, 24)), /impossible/],
  ['a VMDK descriptor alone', Buffer.from('# Disk DescriptorFile\ncreateType="monolithicFlat"\nRW 1 FLAT "/etc/shadow" 0\n'), /other files/],
  ['a VMDK of kind monolithicFlat', vmdk(goodDescriptor.replace('streamOptimized', 'monolithicFlat')), /not accepted/],
  ['a VMDK with a flat extent', vmdk(goodDescriptor.replace('SPARSE "disk.vmdk"', 'FLAT "/etc/shadow" 0')), /not a sparse/],
  ['a VMDK with two kinds', vmdk(`${goodDescriptor}createType="monolithicFlat"\n`), /not accepted/],
  ['a VMDK of no capacity', vmdk(goodDescriptor, 0), /capacity/],
  ['a VMDK with a parent', vmdk(`${goodDescriptor}parentFileNameHint="/etc/shadow"\n`), /parent/],
  ['a VMDK with a parent in a comment', vmdk(`${goodDescriptor}# ${hint}\n`), /parent/],
  ['a VMDK with a parent behind another word', vmdk(`${goodDescriptor}x parentFileNameHint="nbd://127.0.0.1:1/x"\n`), /parent/],
  ['a VMDK with a parent in small letters', vmdk(`${goodDescriptor}${hint.toLowerCase()}\n`), /parent/],
  ['a VMDK with a parent behind the length that its header says', (() => {
    const image = vmdk(`${goodDescriptor.padEnd(512, '#')}\n${hint}\n`)
    image.writeBigUInt64LE(1n, 36)
    return image
  })(), /parent/],
  ['a VMDK whose header says that the descriptor lies elsewhere', (() => {
    const image = vmdk(`${goodDescriptor}${hint}\n`)
    image.writeBigUInt64LE(32n, 28)
    image.write(goodDescriptor, 32 * 512)
    return image
  })(), /descriptor is missing/],
  ['a VMDK with a file of changes', vmdk(`${goodDescriptor}changeTrackPath="/etc/shadow"\n`), /line that is not known/],
  ['a VMDK with an extent behind a path', vmdk(goodDescriptor.replace('disk.vmdk', '/etc/shadow')), /more than a name/],
  ['a VMDK with an extent behind a protocol', vmdk(goodDescriptor.replace('disk.vmdk', 'nbd:unix')), /more than a name/],
  ['a VMDK without an extent', vmdk(goodDescriptor.replace(/RW.*\n/, '')), /no extent/],
  ['a VMDK with two extents', vmdk(`${goodDescriptor}RW 1 SPARSE "other.vmdk"\n`), /several files/],
  ['a VMDK whose footer says another size', vmdkWithFooter(2 ** 31), /footer/],
  ['a VMDK without the footer that it promises', vmdkWithFooter(2048).subarray(0, -1024), /footer/],
  ['a VMDK descriptor that begins with other words', Buffer.from('#\n \nversion=1\ncreateType="monolithicFlat"\nRW 1 FLAT "/etc/shadow" 0\n'), /other files/],
  ['an encrypted container', Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x01', 'latin1'), Buffer.alloc(4096)]), /encrypted/],
  ['a qcow2 that is an ISO too', (() => { const both = qcow2(); both.write('\x01CD001', 32768); return both })(), /several formats/],
  ['nothing', Buffer.alloc(0), /empty/],
]
for (const [name, content, reason] of refused) {
  test(`${name} is refused`, () => {
    for (const chunkBytes of [511, 65536, 1 << 20]) assert.match(inspect(content, chunkBytes).unsafe.join(' '), reason)
  })
}

test('a good VMDK passes', () => {
  const described = `${goodDescriptor}\nencoding="windows-1252"\nCID=0a1b2c3d\nisNativeSnapshot="no"\nddb.adapterType = "ide"\nddb.uuid.image="1"\n`
  for (const image of [vmdk(goodDescriptor), vmdk(described), vmdk(described.replaceAll('\n', '\r\n')), vmdkWithFooter(2048)]) {
    const report = inspect(image)
    assert.deepEqual([report.format, report.virtualSizeBytes, report.unsafe], ['vmdk', mebibyte, []])
  }
})

test('a VHD is as large as the larger of what its footer says twice', () => {
  const footer = Buffer.alloc(512)
  footer.write('conectix', 0)
  footer.writeBigUInt64BE(BigInt(mebibyte), 48)
  footer.writeUInt32BE(2, 60)
  const sizeWith = (cylinders: number, heads: number, sectors: number) => {
    footer.writeUInt16BE(cylinders, 56)
    footer.set([heads, sectors], 58)
    return inspect(Buffer.concat([Buffer.alloc(mebibyte), footer])).virtualSizeBytes
  }
  assert.deepEqual([sizeWith(30, 4, 17), sizeWith(20_000, 16, 255), sizeWith(65535, 16, 255)], [mebibyte, 20_000 * 16 * 255 * 512, mebibyte])
})

test('a qcow2 declared as raw is refused, and a raw image declared as qcow2', () => {
  assert.match(reasonsAgainst(inspect(qcow2()), 'raw').join(), /declared as raw/)
  assert.match(reasonsAgainst(inspect(Buffer.alloc(mebibyte)), 'qcow2').join(), /declared as qcow2/)
  assert.deepEqual(reasonsAgainst(inspect(Buffer.alloc(mebibyte)), 'raw'), [])
})

test('a hybrid ISO may be declared as iso or raw, a plain one as iso only', () => {
  const iso = Buffer.alloc(128 * 1024)
  iso.write('\x01CD001', 32768)
  assert.match(reasonsAgainst(inspect(iso), 'raw').join(), /declared as raw/)
  iso.writeUInt16LE(0xaa55, 510)
  iso.set([0x80], 446)
  iso.set([0x17], 450)
  assert.deepEqual([reasonsAgainst(inspect(iso), 'raw'), reasonsAgainst(inspect(iso), 'iso')], [[], []])
})

test('what qemu-img makes is known by format and size', { skip: !existsSync('/usr/bin/qemu-img') }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'nimbo-format-'))
  const runner = createProcessRunner()
  try {
    const cases: [string, string, string[]][] = [
      ['raw', 'raw', []], ['qcow2', 'qcow2', []], ['qcow2', 'qcow2', ['-o', 'compat=0.10']], ['vdi', 'vdi', []], ['vhdx', 'vhdx', []],
      ['vpc', 'vhd', ['-o', 'force_size=on']], ['vpc', 'vhd', ['-o', 'subformat=fixed,force_size=on']], ['vmdk', 'vmdk', []],
      ['vmdk', 'vmdk', ['-o', 'subformat=streamOptimized']],
    ]
    for (const [qemuFormat, format, options] of cases) {
      const file = join(directory, 'image')
      await runner.run('qemu-img', ['create', '-q', '-f', qemuFormat, ...options, file, '8M'], { timeoutSeconds: 10 })
      const report = inspect(await readFile(file), 10_000)
      assert.deepEqual([report.format, report.virtualSizeBytes, report.unsafe], [format, 8 * mebibyte, []], `${qemuFormat} ${options.join(' ')}`)
    }
    const overlay = join(directory, 'overlay')
    await runner.run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/hostname', overlay, '8M'], { timeoutSeconds: 10 })
    assert.match(inspect(await readFile(overlay)).unsafe.join(' '), /backing/)
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('no content makes it fail, and the chunks do not matter', () => {
  const marks = [Buffer.alloc(0), qcow2(), vmdk(goodDescriptor), Buffer.from('vhdxfile'), Buffer.from('conectix')]
  fc.assert(fc.property(fc.constantFrom(...marks), fc.uint8Array({ maxLength: 2000 }), fc.nat(250_000), fc.integer({ min: 1, max: 70_000 }),
    (start, noise, at, chunkBytes) => {
      const content = Buffer.alloc(Math.max(start.length, at + noise.length))
      start.copy(content)
      content.set(noise, at)
      assert.deepEqual(inspect(content, Math.max(chunkBytes, 400)), inspect(content, content.length || 1))
    }), { numRuns: 150, seed: 1 })
})
