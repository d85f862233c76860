// The head of a qcow2 image; with a backing file when one is named.

export function qcow2Head(virtualBytes: bigint, backing = ''): Buffer {
  const head = Buffer.alloc(70_000)
  head.write('QFI\xfb', 0, 'latin1')
  head.writeUInt32BE(3, 4)
  if (backing !== '') {
    head.writeBigUInt64BE(512n, 8)
    head.writeUInt32BE(backing.length, 16)
    head.write(backing, 512)
  }
  head.writeUInt32BE(16, 20)
  head.writeBigUInt64BE(virtualBytes, 24)
  head.writeUInt32BE(1, 36)
  head.writeBigUInt64BE(65_536n, 40)
  head.writeUInt32BE(4, 96)
  head.writeUInt32BE(104, 100)
  return head
}
