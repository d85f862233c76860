// A small ISO 9660 image with Joliet names, for config drives: a volume label, directories, files, and no more.

const sector = 2048
/** Some readers look for other file systems further behind before they believe in this one. */
const paddingSectors = 150

/** Where the data lies: one place for files, one for each of the two trees for directories. */
interface Sectors {
  plain: number
  joliet: number
}
interface FileNode {
  readonly kind: 'file'
  readonly name: string
  readonly content: Buffer
  readonly sectors: Sectors
}
interface DirectoryNode {
  readonly kind: 'directory'
  readonly name: string
  readonly children: Map<string, Node>
  readonly parent: DirectoryNode | undefined
  readonly sectors: Sectors
}
type Node = FileNode | DirectoryNode

export interface IsoFile {
  readonly path: string
  readonly content: Uint8Array
}

/** @param label at most 16 characters, kept as it is (lower case too, as others do for config-2) */
export function isoImage(label: string, files: readonly IsoFile[]): Buffer {
  const root = directory('', undefined)
  for (const file of files) insert(root, file)
  const directories = allDirectories(root)
  const allFiles = directories.flatMap((each) => [...each.children.values()].filter((child) => child.kind === 'file'))

  // System area, two descriptors, terminator, then path tables (little and big endian for each tree), then data.
  const tables = { plain: pathTable(directories, false, false).length, joliet: pathTable(directories, true, false).length }
  let next = 19
  const place = (bytes: number): number => {
    const at = next
    next += sectorsFor(bytes)
    return at
  }
  const tableAt = {
    plain: { little: place(tables.plain), big: place(tables.plain) }, joliet: { little: place(tables.joliet), big: place(tables.joliet) },
  }
  for (const each of directories) each.sectors.plain = place(directoryData(each, false).length)
  for (const each of directories) each.sectors.joliet = place(directoryData(each, true).length)
  for (const file of allFiles) file.sectors.plain = file.sectors.joliet = place(file.content.length)

  const image = Buffer.alloc((next + paddingSectors) * sector)
  const put = (data: Buffer, at: number) => data.copy(image, at * sector)
  put(descriptor(label, root, false, next, tables.plain, tableAt.plain), 16)
  put(descriptor(label, root, true, next, tables.joliet, tableAt.joliet), 17)
  put(Buffer.from('\xffCD001\x01', 'latin1'), 18)
  for (const joliet of [false, true]) {
    const at = joliet ? tableAt.joliet : tableAt.plain
    put(pathTable(directories, joliet, false), at.little)
    put(pathTable(directories, joliet, true), at.big)
    for (const each of directories) put(directoryData(each, joliet), joliet ? each.sectors.joliet : each.sectors.plain)
  }
  for (const file of allFiles) put(file.content, file.sectors.plain)
  return image
}

function directory(name: string, parent: DirectoryNode | undefined): DirectoryNode {
  return { kind: 'directory', name, parent, children: new Map(), sectors: { plain: 0, joliet: 0 } }
}

function insert(root: DirectoryNode, file: IsoFile): void {
  const parts = file.path.split('/')
  if (parts.some((part) => !/^[A-Za-z0-9_.-]{1,60}$/.test(part) || part === '.' || part === '..')) throw new RangeError(`Not a path for a config drive: ${file.path}`)
  const name = parts.pop() ?? ''
  let at = root
  for (const part of parts) {
    const known = at.children.get(part) ?? directory(part, at)
    if (known.kind === 'file') throw new RangeError(`Both a file and a directory: ${file.path}`)
    at.children.set(part, known)
    at = known
  }
  at.children.set(name, { kind: 'file', name, content: Buffer.from(file.content), sectors: { plain: 0, joliet: 0 } })
}

/** In the order of path tables: level by level. */
function allDirectories(root: DirectoryNode): DirectoryNode[] {
  const found: DirectoryNode[] = []
  for (let level = [root]; level.length > 0; level = level.flatMap((each) => sorted(each).filter((child) => child.kind === 'directory'))) {
    found.push(...level)
  }
  return found
}

function sorted(node: DirectoryNode): Node[] {
  return [...node.children.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function nameBytes(node: Node, joliet: boolean): Buffer {
  if (joliet) return Buffer.from(node.kind === 'directory' ? node.name : `${node.name};1`, 'utf16le').swap16()
  const name = node.kind === 'directory' ? node.name : `${node.name}${node.name.includes('.') ? '' : '.'};1`
  return Buffer.from(name.toUpperCase(), 'latin1')
}

function recordOf(node: Node, name: Buffer, joliet: boolean): Buffer {
  const length = 33 + name.length + ((name.length + 1) % 2)
  const record = Buffer.alloc(length)
  record.writeUInt8(length, 0)
  both32(record, joliet ? node.sectors.joliet : node.sectors.plain, 2)
  both32(record, node.kind === 'file' ? node.content.length : sectorsFor(directoryLength(node, joliet)) * sector, 10)
  record.set([126, 1, 1, 0, 0, 0, 0], 18) // a fixed date: the same content is the same image
  record.writeUInt8(node.kind === 'directory' ? 2 : 0, 25)
  both16(record, 1, 28)
  record.writeUInt8(name.length, 32)
  name.copy(record, 33)
  return record
}

function directoryLength(node: DirectoryNode, joliet: boolean): number {
  return sorted(node).reduce((at, child) => {
    const name = nameBytes(child, joliet)
    return placed(at, 33 + name.length + ((name.length + 1) % 2)) + 33 + name.length + ((name.length + 1) % 2)
  }, 68)
}

/** A record never crosses the end of a sector. */
function placed(at: number, length: number): number {
  return (at % sector) + length > sector ? Math.ceil(at / sector) * sector : at
}

function directoryData(node: DirectoryNode, joliet: boolean): Buffer {
  const data = Buffer.alloc(sectorsFor(directoryLength(node, joliet)) * sector)
  recordOf(node, Buffer.from([0]), joliet).copy(data, 0)
  recordOf(node.parent ?? node, Buffer.from([1]), joliet).copy(data, 34)
  let at = 68
  for (const child of sorted(node)) {
    const record = recordOf(child, nameBytes(child, joliet), joliet)
    at = placed(at, record.length)
    record.copy(data, at)
    at += record.length
  }
  return data
}

function pathTable(directories: readonly DirectoryNode[], joliet: boolean, bigEndian: boolean): Buffer {
  return Buffer.concat(directories.map((each) => {
    const name = each.parent === undefined ? Buffer.from([0]) : nameBytes(each, joliet)
    const entry = Buffer.alloc(8 + name.length + (name.length % 2))
    const at = joliet ? each.sectors.joliet : each.sectors.plain
    const parent = each.parent === undefined ? 1 : directories.indexOf(each.parent) + 1
    entry.writeUInt8(name.length, 0)
    if (bigEndian) {
      entry.writeUInt32BE(at, 2)
      entry.writeUInt16BE(parent, 6)
    } else {
      entry.writeUInt32LE(at, 2)
      entry.writeUInt16LE(parent, 6)
    }
    name.copy(entry, 8)
    return entry
  }))
}

function descriptor(label: string, root: DirectoryNode, joliet: boolean, sectors: number, tableBytes: number, tableAt: { readonly little: number; readonly big: number }): Buffer {
  const data = Buffer.alloc(sector)
  const text = (value: string, at: number, length: number) => {
    const field = joliet ? Buffer.from(value.padEnd(length / 2, ' '), 'utf16le').swap16() : Buffer.from(value.padEnd(length, ' '), 'latin1')
    field.copy(data, at, 0, length)
  }
  data.set([joliet ? 2 : 1], 0)
  data.write('CD001\x01', 1, 'latin1')
  text('LINUX', 8, 32)
  text(label, 40, 32)
  both32(data, sectors, 80)
  if (joliet) data.write('%/E', 88, 'latin1')
  both16(data, 1, 120)
  both16(data, 1, 124)
  both16(data, sector, 128)
  both32(data, tableBytes, 132)
  data.writeUInt32LE(tableAt.little, 140)
  data.writeUInt32BE(tableAt.big, 148)
  recordOf(root, Buffer.from([0]), joliet).copy(data, 156)
  for (const [at, length] of [[190, 128], [318, 128], [446, 128], [574, 128]] as const) text('', at, length)
  for (const at of [813, 830, 847, 864]) data.write('0000000000000000', at, 'latin1')
  data.writeUInt8(1, 881)
  return data
}

function sectorsFor(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / sector))
}
function both32(data: Buffer, value: number, at: number): void {
  data.writeUInt32LE(value, at)
  data.writeUInt32BE(value, at + 4)
}
function both16(data: Buffer, value: number, at: number): void {
  data.writeUInt16LE(value, at)
  data.writeUInt16BE(value, at + 2)
}
