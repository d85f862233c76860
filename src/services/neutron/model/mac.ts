// MAC addresses: read in the spellings that clients use, kept in one, and made from the cloud's own block.
import type { Random } from '#core/context'

/** Lower case with colons; undefined for what is none, or is no address of a single device. */
export function parseMac(text: string): string | undefined {
  const digits = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text) ? text.replaceAll(/[:-]/g, '') : /^[0-9a-f]{12}$/i.test(text) ? text : undefined
  if (digits === undefined || /^0{12}$/.test(digits)) return undefined
  return (digits.toLowerCase().match(/../g) ?? []).join(':')
}

/** An address from fa:16:3e, as upstream's default `base_mac`. */
export function makeMac(random: Random): string {
  return `fa:16:3e:${(random.bytes(3).toString('hex').match(/../g) ?? []).join(':')}`
}
