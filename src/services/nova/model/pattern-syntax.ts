// Reads a regular expression into the steps that `Pattern` follows. What cannot be matched step by step is refused: look-around,
// back-references, possessive repetition.

export type Step =
  | { readonly kind: 'character'; readonly among: Characters }
  | { readonly kind: 'place'; readonly isHere: Place }
  | { readonly kind: 'fork'; readonly to: readonly number[] }
type Place = (text: readonly string[], at: number) => boolean

type Part = { readonly steps: number } & (
  | Exclude<Step, { kind: 'fork' }>
  | { readonly kind: 'sequence'; readonly parts: readonly Part[] }
  | { readonly kind: 'choice'; readonly parts: readonly Part[] }
  | { readonly kind: 'repeat'; readonly part: Part; readonly least: number; readonly most: number }
)

export class PatternError extends Error {}

/** Repetition multiplies steps: a pattern of a few letters could ask for thousands of millions. */
const mostSteps = 300

/** A set of characters. The engine's own expressions decide, of which a set alone is always matched in one step. */
class Characters {
  readonly #expression: RegExp
  #last = ''
  #had = false

  constructor(source: string, flags: string) {
    this.#expression = expression(`^${source}$`, flags)
  }

  /** Repeated parts share their set, and ask it for the same character one after the other. */
  has(character: string): boolean {
    if (character !== this.#last) [this.#last, this.#had] = [character, this.#expression.test(character)]
    return this.#had
  }
}

function expression(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags)
  } catch {
    throw new PatternError('there is no such set of characters')
  }
}

const isWord = (character: string | undefined) => character !== undefined && /^\w$/.test(character)
const begins: Place = (_text, at) => at === 0
const ends: Place = (text, at) => at === text.length
const betweenWords: Place = (text, at) => isWord(text[at - 1]) !== isWord(text[at])
const places: Readonly<Record<string, Place>> = { A: begins, Z: ends, z: ends, b: betweenWords, B: (text, at) => !betweenWords(text, at) }

const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', a: '\u0007', e: '\u001b' }
const namedSets: Readonly<Record<string, string>> = {
  alnum: '\\p{L}\\p{Nd}', alpha: '\\p{L}', blank: ' \\t', cntrl: '\\p{Cc}', digit: '\\d', graph: '\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}', lower: '\\p{Ll}',
  print: ' \\p{L}\\p{M}\\p{N}\\p{P}\\p{S}', punct: '\\p{P}\\p{S}', space: '\\s', upper: '\\p{Lu}', word: '\\w', xdigit: '0-9A-Fa-f',
}

const quoted = (character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

function stepsOf(part: Part): number {
  if (part.steps > mostSteps) throw new PatternError('it takes too many steps')
  return part.steps
}

const sum = (parts: readonly Part[]) => parts.reduce((total, part) => total + stepsOf(part), 0)

function together(parts: readonly Part[]): Part {
  return { kind: 'sequence', parts, steps: Math.max(1, sum(parts)) }
}

class Reader {
  readonly #text: readonly string[]
  readonly #flags: string
  #at = 0

  constructor(text: string) {
    const caseless = text.startsWith('(?i)')
    this.#text = Array.from(caseless ? text.slice(4) : text)
    this.#flags = caseless ? 'iu' : 'u'
  }

  whole(): Part {
    const part = this.#choice()
    if (this.#at < this.#text.length) throw new PatternError('a parenthesis closes nothing')
    stepsOf(part)
    return part
  }

  #takes(wanted: string): boolean {
    if (this.#text[this.#at] !== wanted) return false
    this.#at++
    return true
  }

  #next(): string {
    const character = this.#text[this.#at++]
    if (character === undefined) throw new PatternError('its end is missing')
    return character
  }

  /** What an expression finds right here: plain letters only, one place each. */
  #find(wanted: RegExp): RegExpExecArray | undefined {
    const found = wanted.exec(this.#text.slice(this.#at).join(''))
    if (found) this.#at += found[0].length
    return found ?? undefined
  }

  #choice(): Part {
    const parts = [this.#sequence()]
    while (this.#takes('|')) parts.push(this.#sequence())
    return parts.length === 1 && parts[0] ? parts[0] : { kind: 'choice', parts, steps: sum(parts) + parts.length + 1 }
  }

  #sequence(): Part {
    const parts: Part[] = []
    while (this.#at < this.#text.length && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') parts.push(this.#repeated(this.#single()))
    return together(parts)
  }

  #repeated(part: Part): Part {
    const count = this.#find(/^(?:[*+?]|\{(\d+)(,(\d*))?\})/)
    if (!count) return part
    const [sign, low = '', comma, high = ''] = count
    const least = sign === '+' ? 1 : Number(low)
    const most = sign === '?' ? 1 : sign === '*' || sign === '+' || (comma !== undefined && high === '') ? Infinity : Number(comma === undefined ? low : high)
    if (least > most) throw new PatternError('a repetition ends before it begins')
    // Whether as few or as many as can be are taken is the same to who only asks whether it matches.
    this.#takes('?')
    if (this.#find(/^(?:[*+?]|\{\d+(,\d*)?\})/)) throw new PatternError('a repetition is repeated')
    const once = stepsOf(part)
    const steps = most === Infinity ? Math.max(1, least) * once + 2 : least * once + (most - least) * (once + 1)
    return { kind: 'repeat', part, least, most, steps: Math.max(1, steps) }
  }

  #single(): Part {
    const character = this.#next()
    if (character === '(') return this.#group()
    if (character === '[') return this.#oneOf(this.#set())
    if (character === '.') return this.#oneOf('.')
    if (character === '^') return { kind: 'place', isHere: begins, steps: 1 }
    if (character === '$') return { kind: 'place', isHere: ends, steps: 1 }
    if ('*+?'.includes(character)) throw new PatternError('there is nothing to repeat')
    if (character !== '\\') return this.#oneOf(quoted(character))
    const isHere = places[this.#text[this.#at] ?? '']
    if (!isHere) return this.#oneOf(this.#escaped())
    this.#at++
    return { kind: 'place', isHere, steps: 1 }
  }

  #oneOf(source: string): Part {
    return { kind: 'character', among: new Characters(source, this.#flags), steps: 1 }
  }

  #group(): Part {
    if (this.#takes('?') && !this.#takes(':') && !this.#find(/^P?<[A-Za-z_]\w*>/)) throw new PatternError('groups of this kind are not known')
    const part = this.#choice()
    if (!this.#takes(')')) throw new PatternError('a parenthesis is not closed')
    return part
  }

  /** What follows a backslash, as a source for the engine. */
  #escaped(): string {
    const wide = this.#find(/^[pP]\{[\w=]+\}/)?.[0] ?? this.#find(/^[dDsSwW]/)?.[0]
    if (wide !== undefined) return `\\${wide}`
    const code = this.#find(/^(?:x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/)
    if (code) return `\\u{${code[1] ?? code[2] ?? code[3] ?? ''}}`
    const character = this.#next()
    const control = controls[character]
    if (control === undefined && /^[A-Za-z0-9]$/.test(character)) throw new PatternError(`\\${character} is not known`)
    return quoted(control ?? character)
  }

  /** What follows an opening bracket. */
  #set(): string {
    const inverse = this.#takes('^') ? '^' : ''
    const items: string[] = []
    do {
      const first = this.#setItem()
      const isRange = this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']'
      if (isRange) this.#at++
      items.push(isRange ? `${first}-${this.#setItem()}` : first)
    } while (!this.#takes(']'))
    return `[${inverse}${items.join('')}]`
  }

  #setItem(): string {
    const name = this.#find(/^\[:([a-z]+):\]/)?.[1]
    if (name !== undefined) {
      const named = namedSets[name]
      if (named === undefined) throw new PatternError('there is no such set of characters')
      return named
    }
    const character = this.#next()
    return character === '\\' ? this.#escaped() : quoted(character)
  }
}

/** The steps in order; who comes past the last has matched. @throws PatternError */
export function readSteps(text: string): readonly Step[] {
  const steps: Step[] = []
  const write = (part: Part): void => {
    if (part.kind === 'sequence') part.parts.forEach(write)
    else if (part.kind === 'choice') writeChoice(part.parts)
    else if (part.kind === 'repeat') writeRepeat(part.part, part.least, part.most)
    else steps.push(part)
  }
  const fork = (...to: number[]): number[] => {
    steps.push({ kind: 'fork', to })
    return to
  }
  const writeChoice = (parts: readonly Part[]) => {
    const ways = fork()
    const ends = parts.map((part) => {
      ways.push(steps.length)
      write(part)
      return fork()
    })
    for (const end of ends) end.push(steps.length)
  }
  const writeRepeat = (part: Part, least: number, most: number) => {
    for (let count = 0; count < least; count++) write(part)
    if (most === Infinity) {
      const [start, ways] = [steps.length, fork(steps.length + 1)]
      write(part)
      fork(start)
      ways.push(steps.length)
      return
    }
    const skips: number[][] = []
    for (let count = least; count < most; count++) {
      skips.push(fork(steps.length + 1))
      write(part)
    }
    for (const skip of skips) skip.push(steps.length)
  }
  write(new Reader(text).whole())
  return steps
}
