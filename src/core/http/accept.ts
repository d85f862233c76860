// Which of the forms that an answer can have a client prefers, by its Accept header (RFC 7231, section 5.3.2).

interface MediaRange {
  readonly type: string
  readonly quality: number
}

/** @returns undefined when it takes none of them; the first of those that it likes as well as each other */
export function preferredType(accept: string, offers: readonly string[]): string | undefined {
  const ranges = accept.split(',').flatMap(readRange)
  const qualities = offers.map((offer) => {
    const [whole = ''] = offer.split('/')
    const fitting = [offer, `${whole}/*`, '*/*'].map((type) => ranges.find((range) => range.type === type)).find((range) => range !== undefined)
    return fitting?.quality ?? 0
  })
  const best = Math.max(...qualities)
  return best > 0 ? offers[qualities.indexOf(best)] : undefined
}

/** A range with parameters of its own, such as `text/html;level=1`, fits nothing that we offer. */
function readRange(text: string): MediaRange[] {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const [first] = parameters
  if (first === undefined) return type === '' ? [] : [{ type, quality: 1 }]
  const quality = /^q=([01](?:\.\d{0,3})?)$/.exec(first)?.[1]
  return quality === undefined ? [] : [{ type, quality: Number(quality) }]
}
