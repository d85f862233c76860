// Reading oslo.policy's check strings: `role:admin or (rule:owner and not user_id:%(user_id)s)`, `@`, `!`, and lists.

export type Check =
  | { readonly kind: 'always' }
  | { readonly kind: 'never' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Check[] }
  | { readonly kind: 'not'; readonly part: Check }
  /** One comparison: what stands left of the first colon, and what stands right of it. */
  | { readonly kind: 'match'; readonly left: string; readonly right: string; readonly position: number }

/** The older form: a check is true when every text of one of the inner lists is. */
export type CheckList = readonly (string | readonly string[])[]

/** A check that cannot be understood. `position` counts characters from 1. */
export class PolicySyntaxError extends Error {
  constructor(rule: string, position: number, problem: string) {
    super(`The policy rule ${rule} is wrong at character ${position}: ${problem}`)
    this.name = 'PolicySyntaxError'
  }
}

interface Token {
  readonly text: string
  readonly position: number
}

export function parseCheck(rule: string, check: string | CheckList): Check {
  if (typeof check !== 'string') return parseList(rule, check)
  if (check === '') return { kind: 'always' }
  const tokens = tokenize(check)
  const parser = new Parser(rule, tokens, check.length + 1)
  const parsed = parser.either()
  parser.expectEnd()
  return parsed
}

/** An empty list allows; otherwise one of the inner lists must be true, and an empty inner list counts for nothing. */
function parseList(rule: string, list: CheckList): Check {
  if (list.length === 0) return { kind: 'always' }
  const parts: Check[] = []
  for (const inner of list) {
    const texts = typeof inner === 'string' ? [inner] : inner
    if (texts.length > 0) parts.push(join('and', texts.map((text) => parseMatch(rule, { text, position: 1 }))))
  }
  return parts.length === 0 ? { kind: 'never' } : join('or', parts)
}

function join(kind: 'and' | 'or', parts: readonly Check[]): Check {
  return parts.length === 1 && parts[0] ? parts[0] : { kind, parts }
}

/** Words divided by white space; brackets count where a word begins or ends, not inside `%(name)s`. */
function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = []
  for (const found of text.matchAll(/\S+/g)) {
    let word = found[0]
    let position = found.index + 1
    while (word.startsWith('(')) {
      tokens.push({ text: '(', position: position++ })
      word = word.slice(1)
    }
    const bare = word.replace(/\)+$/, '')
    if (bare !== '') tokens.push({ text: bare, position })
    for (let closing = bare.length; closing < word.length; closing++) tokens.push({ text: ')', position: position + closing })
  }
  return tokens
}

class Parser {
  readonly #rule: string
  readonly #tokens: readonly Token[]
  readonly #end: number
  #next = 0

  constructor(rule: string, tokens: readonly Token[], end: number) {
    this.#rule = rule
    this.#tokens = tokens
    this.#end = end
  }

  /** `and` binds closer than `or`, `not` closer than both; the words may be written in any case, as upstream. */
  either(): Check {
    const parts = [this.#all()]
    while (this.#take('or')) parts.push(this.#all())
    return join('or', parts)
  }

  expectEnd(): void {
    const left = this.#tokens[this.#next]
    if (left) throw this.#problem(left, `“${left.text}” where “and”, “or” or the end was expected`)
  }

  #all(): Check {
    const parts = [this.#one()]
    while (this.#take('and')) parts.push(this.#one())
    return join('and', parts)
  }

  #one(): Check {
    if (this.#take('not')) return { kind: 'not', part: this.#one() }
    const token = this.#tokens[this.#next++]
    if (!token) throw new PolicySyntaxError(this.#rule, this.#end, 'it ends where a check was expected')
    if (token.text === '(') {
      const inner = this.either()
      if (!this.#take(')')) throw this.#problem(this.#tokens[this.#next], `the bracket of character ${token.position} is not closed`)
      return inner
    }
    if (token.text === ')' || /^(and|or)$/i.test(token.text)) {
      throw this.#problem(token, `“${token.text}” where a check was expected`)
    }
    return parseMatch(this.#rule, token)
  }

  #take(word: string): boolean {
    if (this.#tokens[this.#next]?.text.toLowerCase() !== word) return false
    this.#next++
    return true
  }

  #problem(token: Token | undefined, problem: string): PolicySyntaxError {
    return new PolicySyntaxError(this.#rule, token?.position ?? this.#end, problem)
  }
}

function parseMatch(rule: string, { text, position }: Token): Check {
  if (text === '@') return { kind: 'always' }
  if (text === '!') return { kind: 'never' }
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) {
    throw new PolicySyntaxError(rule, position, `“${text}” is no check; it should look like role:admin, rule:owner or user_id:%(user_id)s`)
  }
  return { kind: 'match', left: text.slice(0, colon), right: text.slice(colon + 1), position }
}
