// The small language of extra specs: `<is> True`, `<in> ssd`, `>= 5`, `s== name`, `<or> a <or> b`, or the value itself.

const numeric: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a >= b, '==': (a, b) => a === b, '!=': (a, b) => a !== b,
  '>=': (a, b) => a >= b, '<=': (a, b) => a <= b, '>': (a, b) => a > b, '<': (a, b) => a < b,
}
const textual: Readonly<Record<string, (a: string, b: string) => boolean>> = {
  's==': (a, b) => a === b, 's!=': (a, b) => a !== b, 's>=': (a, b) => a >= b, 's<=': (a, b) => a <= b, 's>': (a, b) => a > b, 's<': (a, b) => a < b,
}
const yes = /^(true|yes|on|1|t|y)$/i

/** As upstream's extra_specs_ops: note that a single `=` on numbers means at least. */
export function satisfies(offered: unknown, wanted: string): boolean {
  const words = wanted.trim().split(/\s+/)
  const [first = ''] = words
  const rest = words.slice(1)
  const text = String(offered)
  if (first === '<or>') return wanted.split('<or>').map((each) => each.trim()).filter((each) => each !== '').includes(text)
  if (first === '<in>') return rest.every((word) => word === '<in>' || text.includes(word))
  if (first === '<is>') return yes.test(text) === yes.test(rest[0] ?? '')
  const operand = rest.join(' ')
  const compareTexts = textual[first]
  if (compareTexts) return compareTexts(text, operand)
  const compareNumbers = numeric[first]
  if (compareNumbers && rest.length > 0) {
    const [a, b] = [Number(text), Number(operand)]
    return !Number.isNaN(a) && !Number.isNaN(b) && compareNumbers(a, b)
  }
  return text.toLowerCase() === wanted.trim().toLowerCase()
}
