// One reader for each format, on its header only. Sizes and offsets in a header are its author's word: they are
// bounded before they are used.
import type { Finding, Reader } from './report.ts'

const sectorBytes = 512
const none = undefined

export function* readQcow2(): Reader {
  const header = yield { offset: 0, length: 104 }
  if (header.length < 8 || header.readUInt32BE(0) !== 0x514649fb) return none
  const version = header.readUInt32BE(4)
  if ((version !== 2 && version !== 3) || header.length < (version === 3 ? 104 : 72)) {
    return { unsafe: [`It is of an unknown version ${version} of the qcow format.`] }
  }
  const unsafe: string[] = []
  if (header.readBigUInt64BE(8) !== 0n || header.readUInt32BE(16) !== 0) unsafe.push('It has a backing file.')
  if (header.readUInt32BE(32) !== 0) unsafe.push('It is encrypted.')
  const clusterBits = header.readUInt32BE(20)
  if (clusterBits < 9 || clusterBits > 21) unsafe.push('Its cluster size is out of bounds.')
  if (header.readUInt32BE(36) > 32 * 1024 * 1024 / 8) unsafe.push('Its table is too large.')
  if (version === 3) {
    const features = header.readBigUInt64BE(72)
    if ((features & 0b100n) !== 0n) unsafe.push('It has an external data file.')
    if ((features & 0b10n) !== 0n) unsafe.push('It is marked as corrupt.')
    // Known: dirty, corrupt, external data, compression type, extended L2 entries.
    if ((features & ~0b11111n) !== 0n) unsafe.push('It needs features that are not known.')
    const headerLength = header.readUInt32BE(100)
    if (headerLength < 104 || headerLength > 4096) unsafe.push('Its header has an impossible length.')
    else unsafe.push(...(yield* qcow2Extensions(headerLength)))
  } else {
    unsafe.push(...(yield* qcow2Extensions(72)))
  }
  return { virtualSizeBytes: size(header.readBigUInt64BE(24), unsafe), unsafe }
}

/** Header extensions: a backing format or a data file's name has no place in an image without them. */
function* qcow2Extensions(start: number): Generator<{ offset: number; length: number }, string[], Buffer> {
  const area = yield { offset: start, length: 60 * 1024 }
  for (let at = 0; at + 8 <= area.length;) {
    const kind = area.readUInt32BE(at)
    const length = area.readUInt32BE(at + 4)
    if (kind === 0) return []
    if (kind === 0x44415441) return ['It names an external data file.']
    if (kind === 0xe2792aca) return ['It names the format of a backing file.']
    if (kind === 0x0537be77) return ['It is encrypted.']
    at += 8 + Math.ceil(length / 8) * 8
  }
  return []
}

const vmdkKinds = ['streamoptimized', 'monolithicsparse']
/** Where QEMU looks for the descriptor, and how much of it it reads, whatever the header says. */
const vmdkDescriptorStart = sectorBytes
const vmdkDescriptorBytes = 20 * sectorBytes
const vmdkTableAtEnd = 2n ** 64n - 1n

export function* readVmdk(): Reader {
  const header = yield { offset: 0, length: sectorBytes }
  const magic = header.toString('latin1', 0, 4)
  if (isVmdkText(header.toString('latin1')) || magic === 'COWD') return { unsafe: ['It is a VMDK whose content lies in other files.'] }
  if (magic !== 'KDMV' || header.length < 64) return none
  const unsafe: string[] = []
  const version = header.readUInt32LE(4)
  if (version < 1 || version > 3) unsafe.push(`It is of an unknown version ${version} of VMDK.`)
  const capacity = header.readBigUInt64LE(12)
  // QEMU would take a descriptor inside an empty image for a list of other files.
  if (capacity === 0n) unsafe.push('Its capacity is zero.')
  const start = header.readBigUInt64LE(28) * BigInt(sectorBytes)
  const length = header.readBigUInt64LE(36) * BigInt(sectorBytes)
  if (start !== BigInt(vmdkDescriptorStart) || length === 0n || length > 64n * 1024n) {
    return { unsafe: [...unsafe, 'Its descriptor is missing or out of bounds.'] }
  }
  const descriptor = yield { offset: vmdkDescriptorStart, length: Math.max(Number(length), vmdkDescriptorBytes) }
  unsafe.push(...vmdkDescriptor(descriptor.toString('latin1').replace(/\0[\s\S]*$/, '')))
  if (header.readBigUInt64LE(56) === vmdkTableAtEnd) {
    // A second header near the end counts more than the first: it may say nothing else than where the table is.
    const footer = yield { offset: -2 * sectorBytes, length: sectorBytes }
    const same = footer.length >= 64 && footer.compare(header, 0, 8, 0, 8) === 0 && footer.compare(header, 12, 48, 12, 48) === 0
    if (!same || footer.readBigUInt64LE(56) === vmdkTableAtEnd) {
      unsafe.push('Its footer is missing or differs from its header.')
    }
  }
  return { virtualSizeBytes: size(capacity * BigInt(sectorBytes), unsafe), unsafe }
}

/** A descriptor without an image: by its first words, or as QEMU knows it, by a version after nothing but comments. */
function isVmdkText(text: string): boolean {
  return text.startsWith('# Disk DescriptorFile') || /^(?:#[^\n]*\n| *\r?\n)*version=[123]\r?\n/.test(text)
}

/** Each line must be one that is known. Readers do not agree on what a line is, so a parent's name is refused wherever it stands. */
function vmdkDescriptor(text: string): string[] {
  const unsafe: string[] = []
  const kinds: string[] = []
  let extents = 0
  if (/parentFileNameHint/i.test(text)) unsafe.push('It has a parent file.')
  for (const line of text.split('\n').map((part) => part.trim())) {
    if (line === '' || line.startsWith('#') || /^ddb\.[\w.]+\s*=/i.test(line)) continue
    const [, field, value = ''] = /^(\w+)\s*=\s*"?([^"]*)"?$/.exec(line) ?? []
    const [, extentKind, extentName = ''] = /^(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\S+)(.*)$/i.exec(line) ?? []
    if (field?.toLowerCase() === 'createtype') kinds.push(value)
    else if (field?.toLowerCase() === 'parentcid') {
      if (value.toLowerCase() !== 'ffffffff') unsafe.push('It has a parent file.')
    } else if (extentKind !== undefined) {
      extents++
      if (extentKind.toUpperCase() !== 'SPARSE') unsafe.push('It names a file that is not a sparse extent.')
      if (!/^\s+"[^"/\\:]+"$/.test(extentName)) unsafe.push('It names a file by more than a name.')
    } else if (!['version', 'encoding', 'cid', 'isnativesnapshot'].includes(field?.toLowerCase() ?? '')) {
      unsafe.push('Its descriptor has a line that is not known.')
    }
  }
  if (kinds.length !== 1 || !vmdkKinds.includes(kinds[0]?.toLowerCase() ?? '')) unsafe.push(`Its kind of VMDK is not accepted: ${kinds.join(', ') || 'none given'}.`)
  if (extents !== 1) unsafe.push(extents === 0 ? 'It names no extent.' : 'It consists of several files.')
  return unsafe
}

export function* readVdi(): Reader {
  const header = yield { offset: 0, length: sectorBytes }
  if (header.length < sectorBytes || header.readUInt32LE(0x40) !== 0xbeda107f) return none
  const kind = header.readUInt32LE(0x4c)
  const unsafe = kind === 1 || kind === 2 ? [] : ['It is a differencing image.']
  return { virtualSizeBytes: size(header.readBigUInt64LE(0x170), unsafe), unsafe }
}

/** With this number of sectors, the most that a geometry can say, the size stands elsewhere alone. */
const vhdLargestGeometry = 65535 * 16 * 255

/** The footer of a VHD, a copy of which begins a dynamic one. */
function vhdFooter(footer: Buffer): Finding | undefined {
  if (footer.length < sectorBytes || footer.toString('latin1', 0, 8) !== 'conectix') return none
  const kind = footer.readUInt32BE(60)
  const unsafe = kind === 2 || kind === 3 ? [] : ['It is a differencing image, or of an unknown kind.']
  const said = size(footer.readBigUInt64BE(48), unsafe)
  // QEMU goes by the geometry for some makers of images and by the size for others: the larger is the safe answer.
  const sectors = footer.readUInt16BE(56) * footer.readUInt8(58) * footer.readUInt8(59)
  return { virtualSizeBytes: sectors === vhdLargestGeometry ? said : Math.max(said, sectors * sectorBytes), unsafe }
}

export function* readVhd(): Reader {
  // A fixed VHD has its mark at the end alone.
  return vhdFooter(yield { offset: 0, length: sectorBytes }) ?? vhdFooter(yield { offset: -sectorBytes, length: sectorBytes })
}

const vhdxMetadataRegion = '06a27c8b90479a4bb8fe575f050f886e'
const vhdxDiskSize = '2442a52f1bcd7648b2115dbed83bf4b8'
const vhdxFileParameters = '3767a1ca36fa434db3b633f0aa44e76b'

export function* readVhdx(): Reader {
  const start = yield { offset: 0, length: 8 }
  if (start.toString('latin1') !== 'vhdxfile') return none
  const broken: Finding = { unsafe: ['Its tables are missing or out of bounds.'] }
  const regions = yield { offset: 192 * 1024, length: 64 * 1024 }
  if (regions.toString('latin1', 0, 4) !== 'regi') return broken
  const region = entries(regions, 8, 16, 32).find((entry) => entry.toString('hex', 0, 16) === vhdxMetadataRegion)
  const offset = region === undefined ? 0 : Number(region.readBigUInt64LE(16))
  if (offset < 256 * 1024 || offset > 64 * 1024 * 1024) return broken
  const metadata = yield { offset, length: 128 * 1024 }
  if (metadata.toString('latin1', 0, 8) !== 'metadata') return broken
  const items = entries(metadata, 10, 32, 32)
  const value = (id: string, length: number): Buffer | undefined => {
    const item = items.find((entry) => entry.toString('hex', 0, 16) === id)
    const at = item?.readUInt32LE(16) ?? 0
    return at > 0 && at + length <= metadata.length ? metadata.subarray(at, at + length) : undefined
  }
  const diskSize = value(vhdxDiskSize, 8)
  const parameters = value(vhdxFileParameters, 8)
  if (diskSize === undefined || parameters === undefined) return broken
  const unsafe = (parameters.readUInt32LE(4) & 2) === 0 ? [] : ['It has a parent file.']
  return { virtualSizeBytes: size(diskSize.readBigUInt64LE(0), unsafe), unsafe }
}

/** Entries of a VHDX table: their number stands at `countAt`, in four bytes for regions and two for metadata. */
function entries(table: Buffer, countAt: number, first: number, length: number): Buffer[] {
  if (table.length < first) return []
  const count = Math.min(countAt === 8 ? table.readUInt32LE(countAt) : table.readUInt16LE(countAt), 2047)
  const found: Buffer[] = []
  for (let index = 0; index < count && first + (index + 1) * length <= table.length; index++) {
    found.push(table.subarray(first + index * length, first + (index + 1) * length))
  }
  return found
}

export function* readIso(): Reader {
  const descriptor = yield { offset: 32 * 1024, length: 2048 }
  const mark = descriptor.toString('latin1', 1, 6)
  if (!['CD001', 'BEA01', 'NSR02', 'NSR03'].includes(mark)) return none
  if (mark !== 'CD001' || descriptor.length < 136) return {}
  return { virtualSizeBytes: descriptor.readUInt32LE(80) * descriptor.readUInt16LE(128) }
}

export function* readPloop(): Reader {
  const header = yield { offset: 0, length: 64 }
  const mark = header.toString('latin1', 0, 16)
  return mark === 'WithoutFreeSpace' || mark === 'WithouFreSpacExt' ? { unsafe: ['The ploop format is not accepted.'] } : none
}

export function* readLuks(): Reader {
  const header = yield { offset: 0, length: 8 }
  return header.toString('latin1', 0, 6) === 'LUKS\xba\xbe' ? { unsafe: ['It is encrypted.'] } : none
}

export function* readQed(): Reader {
  const header = yield { offset: 0, length: 64 }
  return header.toString('latin1', 0, 4) === 'QED\0' ? { unsafe: ['The QED format is not accepted.'] } : none
}

/** A size that a disk can have; anything else is a reason for refusal. */
function size(value: bigint, unsafe: string[]): number {
  if (value > 2n ** 53n - 1n) {
    unsafe.push('Its size is impossible.')
    return Number.MAX_SAFE_INTEGER
  }
  return Number(value)
}
