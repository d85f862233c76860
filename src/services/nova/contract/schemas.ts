// Schemas that several nouns of the compute API share (nova/api/validation/parameter_types.py).
import { Closed, Nullable, Type } from '#core/spec'

/** Clients from before versions may put spaces at the ends of names (nova/api/openstack/common.py, normalize_name). */
export const trimmedOfLegacy = { 'x-legacy-trimmed': true } as const

/** A character that upstream calls printable: its range ends at U+FFFF, so that no emoji is in it. */
const printable = (except = '') => `[^\\p{C}\\p{Zl}\\p{Zp}\\u{10000}-\\u{10FFFF}${except}]`
const nameOf = (character: string) => Type.String({ minLength: 1, maxLength: 255, pattern: `^(?!\\p{Z})${character}*(?<!\\p{Z})$`, ...trimmedOfLegacy })

/** Printable, and no space at either end. */
export const ResourceName = nameOf(printable())
/** The same without a colon, which would end the name of a zone in `zone:host`. */
export const ZoneName = nameOf(printable(':'))
/** With spaces at its ends, which are taken off. */
export const SpacedName = Type.String({ minLength: 1, maxLength: 255, pattern: `^(?=.*[^\\p{Z}])${printable()}*$` })
export const longText = (maxLength: number) => Nullable(Type.String({ maxLength, pattern: `^${printable()}*$` }))
export const DescriptionText = longText(255)
export const Tag = Type.String({ minLength: 1, maxLength: 60, pattern: '^[^,/]*$' })
export const Hostname = Type.String({ minLength: 2, maxLength: 63, pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$' })
export const HostFqdn = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' })
export const MetadataBody = Type.Record(Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }), Type.String({ maxLength: 255 }), { additionalProperties: false })

export const OldBoolean = Type.Union([Type.Boolean(), Type.String({ pattern: '^(True|TRUE|true|1|ON|On|on|YES|Yes|yes|False|FALSE|false|0|OFF|Off|off|NO|No|no)$' })])

export const PositiveInteger = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ minLength: 1, pattern: '^0*[1-9][0-9]*$' })])
export const Size = Type.Union([Type.Integer({ minimum: 1, maximum: 0x7fffffff }), Type.String({ pattern: '^0*[1-9][0-9]{0,9}$' })])
export const IpAddress = Type.String({ minLength: 2, maxLength: 45, pattern: '^[0-9a-fA-F:.]+$' })
export const Ipv4 = Type.String({ pattern: '^((25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(?!$)|$)){4}$' })
export const Ipv6 = Type.String({ maxLength: 45, pattern: '^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$' })

export const Links = Type.Array(Closed({ rel: Type.String(), href: Type.String() }))
export const ServerParams = Type.Object({ server_id: Type.String({ minLength: 1, maxLength: 255 }) })
/** A parameter of a query that may be given once. */
export const Text = Type.Optional(Type.String({ maxLength: 1000 }))
/** A filter may be repeated; the last one counts, but for those that say otherwise. */
export const Filter = Type.Optional(Type.Array(Type.String({ maxLength: 1000 })))
