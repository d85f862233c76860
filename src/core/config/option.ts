// One setting: its type, unit, default and help, and how its value is read from a file or from a variable's text.

/** The problem with a value, for a person who is to put it right; or the value. */
export type Reading<T> = { readonly value: T } | { readonly problem: string }

export interface Option<T> {
  readonly default: T
  readonly help: string
  readonly unit?: string
  /** Never shown: printed as *** wherever values are listed. */
  readonly secret?: boolean
  /** What a value looks like: `a whole number of at least 1`. */
  readonly expects: string
  /** A value as TOML gives it. */
  fromFile(value: unknown): Reading<T>
  /** The text of an environment variable. */
  fromText(text: string): Reading<T>
}

interface Common<T> {
  readonly default: T
  readonly help: string
  readonly secret?: boolean
}

interface NumberOption extends Common<number> {
  readonly unit?: string
  readonly minimum?: number
  readonly maximum?: number
}

interface ListOption extends Common<readonly string[]> {
  readonly choices?: readonly string[]
}

function numberOption(settings: NumberOption, whole: boolean): Option<number> {
  const { minimum, maximum } = settings
  const kind = whole ? 'a whole number' : 'a number'
  const expects = minimum !== undefined && maximum !== undefined ? `${kind} from ${minimum} to ${maximum}`
    : minimum !== undefined ? `${kind} of at least ${minimum}`
      : maximum !== undefined ? `${kind} of at most ${maximum}` : kind
  const check = (value: unknown): Reading<number> => {
    const fits = typeof value === 'number' && Number.isFinite(value) && (!whole || Number.isSafeInteger(value)) &&
      value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity)
    return fits ? { value } : { problem: expects }
  }
  return {
    ...settings, expects, fromFile: check,
    fromText: (text) => check(/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : undefined),
  }
}

function choiceOf<const Choice extends string>(choices: readonly Choice[], settings: Common<NoInfer<Choice>>): Option<Choice> {
  const expects = `one of ${choices.map((choice) => `"${choice}"`).join(', ')}`
  const check = (value: unknown): Reading<Choice> => {
    const found = choices.find((choice) => choice === value)
    return found === undefined ? { problem: expects } : { value: found }
  }
  return { ...settings, expects, fromFile: check, fromText: check }
}

function listOf(settings: ListOption): Option<readonly string[]> {
  const { choices } = settings
  const expects = choices ? `a list of ${choices.map((choice) => `"${choice}"`).join(', ')}` : 'a list of texts, such as ["a", "b"]'
  const check = (value: unknown): Reading<readonly string[]> => {
    const fits = Array.isArray(value) && value.every((item) => typeof item === 'string' && (!choices || choices.includes(item)))
    return fits ? { value: value as string[] } : { problem: expects }
  }
  return {
    ...settings, expects, fromFile: check,
    fromText: (text) => check(text.trim() === '' ? [] : text.split(',').map((item) => item.trim())),
  }
}

function mapOf(settings: Common<Readonly<Record<string, string>>>): Option<Readonly<Record<string, string>>> {
  const expects = 'a table of texts, such as { a = "b" }'
  return {
    ...settings, expects,
    fromFile(value) {
      const fits = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date) &&
        Object.values(value).every((item) => typeof item === 'string')
      return fits ? { value: { ...(value as Record<string, string>) } } : { problem: expects }
    },
    fromText(text) {
      const pairs = text.split(',').filter((pair) => pair.trim() !== '').map((pair) => /^\s*([^=]+?)\s*=(.*)$/s.exec(pair))
      if (pairs.includes(null)) return { problem: 'pairs such as a=b,c=d' }
      return { value: Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', (pair?.[2] ?? '').trim()])) }
    },
  }
}

export const option = {
  number: (settings: NumberOption): Option<number> => numberOption(settings, false),
  /** A whole number. */
  integer: (settings: NumberOption): Option<number> => numberOption(settings, true),
  boolean: (settings: Common<boolean>): Option<boolean> => ({
    ...settings, expects: 'true or false',
    fromFile: (value) => (typeof value === 'boolean' ? { value } : { problem: 'true or false' }),
    fromText: (text) => (/^(true|false)$/i.test(text) ? { value: text.toLowerCase() === 'true' } : { problem: 'true or false' }),
  }),
  text: (settings: Common<string>): Option<string> => ({
    ...settings, expects: 'a text',
    fromFile: (value) => (typeof value === 'string' ? { value } : { problem: 'a text in quotation marks' }),
    fromText: (text) => ({ value: text }),
  }),
  /** A text that may be left out; undefined then. */
  optionalText: (settings: Omit<Common<string>, 'default'>): Option<string | undefined> => ({
    ...option.text({ ...settings, default: '' }), default: undefined, expects: 'a text, or nothing',
  }),
  choice: choiceOf,
  /** In a variable: `a,b`. */
  list: listOf,
  /** In a variable: `a=b,c=d`. */
  map: mapOf,
}
