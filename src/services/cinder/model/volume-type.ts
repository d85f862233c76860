// A volume type: a name for what backends must offer, and who may use it.

export interface VolumeType {
  readonly id: string
  readonly name: string
  readonly description: string | null
  readonly isPublic: boolean
  readonly extraSpecs: Readonly<Record<string, string | null>>
}

/** Made at the first start, and used where nothing else is asked for. */
export const defaultTypeName = '__DEFAULT__'

/** The extra specs that say something to users; the others are the operator's own. */
export const userVisibleExtraSpecs = ['RESKEY:availability_zones', 'multiattach', 'replication_enabled'] as const

export function allowsMultiattach(type: Pick<VolumeType, 'extraSpecs'>): boolean {
  return /^<is>\s*true$/i.test(type.extraSpecs['multiattach'] ?? '')
}
