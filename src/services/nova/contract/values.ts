// Values that several nouns of the compute API share (nova/api/validation/parameter_types.py).
import { Identifier, Type } from '#core/spec'

const largest = 2_147_483_647

export const HostName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]*$' })

/** The spellings of a boolean that nova takes: no number among them. */
export const Switch = Type.Union([
  Type.Boolean(),
  Type.String({ pattern: '^(True|TRUE|true|1|ON|On|on|YES|Yes|yes|False|FALSE|false|0|OFF|Off|off|NO|No|no)$' }),
])

/** Also as text, of at most nine digits there. */
export const PositiveInteger = Type.Union([Type.Integer({ minimum: 1, maximum: largest }), Type.String({ pattern: '^0*[1-9][0-9]{0,8}$', maxLength: 20 })])
export const NonNegativeInteger = Type.Union([Type.Integer({ minimum: 0, maximum: largest }), Type.String({ pattern: '^0*[0-9]{1,9}$', maxLength: 20 })])

export const MetadataKey = '^[a-zA-Z0-9-_:. ]{1,255}$'

export const Links = Type.Array(Type.Object({ rel: Type.String(), href: Type.String() }))

export const IdParams = Type.Object({ id: Identifier })

/** Any parameters, as before 2.75, when unknown ones were not refused yet. */
export const AnyQuery = Type.Object({}, { additionalProperties: true })
