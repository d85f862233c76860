// What an inspection of a disk image says: its format, its size, and each reason not to let QEMU touch it.

/** As glance names them; `luks` and `unknown` are never accepted as they are. */
export type DetectedFormat = 'raw' | 'qcow2' | 'vmdk' | 'vdi' | 'vhd' | 'vhdx' | 'iso' | 'ploop' | 'luks' | 'qed'

export interface ImageReport {
  /** The one format that a reader would take it for; `raw` when no other fits. */
  readonly format: DetectedFormat
  /** All formats whose marks were found. More than one means that readers may disagree. */
  readonly marks: readonly DetectedFormat[]
  /** A partition table in the first sectors, which raw and iso images may have. */
  readonly partitions: 'none' | 'mbr' | 'gpt'
  /** Size of the disk that a guest would see; absent when the image does not say. */
  readonly virtualSizeBytes: number | undefined
  readonly fileSizeBytes: number
  /** Empty for an image that is safe to open with its format given. */
  readonly unsafe: readonly string[]
}

/** What one format's reader found out. */
export interface Finding {
  readonly virtualSizeBytes?: number
  readonly unsafe?: readonly string[]
}

/**
 * Ask for bytes of the image: no further back than the first 64 KiB, or ahead. Fewer come when the image ends.
 * An offset below zero counts from the end, rounded up to whole sectors of 512 bytes; no further back than 1 KiB.
 */
export interface Wanted {
  readonly offset: number
  readonly length: number
}
/** A format's reader: undefined when the image is not of this format. */
export type Reader = Generator<Wanted, Finding | undefined, Buffer>

/** Reasons not to take an image for what its owner says it is. */
export function reasonsAgainst(report: ImageReport, declared: string): string[] {
  const reasons = [...report.unsafe]
  const fits = report.format === declared
    // An ISO with a partition table is a disk too; a bare file system or disk may be anything that has no marks.
    || (report.format === 'iso' && declared === 'raw' && report.partitions !== 'none')
    || (report.format === 'raw' && ['ami', 'aki', 'ari'].includes(declared))
  if (!fits) reasons.push(`The image is declared as ${declared}, but its content is ${report.format}.`)
  return reasons
}
