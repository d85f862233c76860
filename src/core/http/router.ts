// Finds the routes of a path: a tree of segments, where a literal wins over a parameter.

interface Node<T> {
  readonly literals: Map<string, Node<T>>
  parameter: Node<T> | undefined
  readonly methods: Map<string, { readonly names: readonly string[]; readonly targets: T[] }>
}

export interface Match<T> {
  readonly params: Record<string, string>
  readonly targets: readonly T[]
}

function node<T>(): Node<T> {
  return { literals: new Map(), parameter: undefined, methods: new Map() }
}

/** `undefined` for what cannot be decoded, or holds U+0000, which no id does: no route fits. */
function decode(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    const text = decodeURIComponent(segment)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

/** The parts of a path. An empty part is the name of nothing: `/volumes/` is one volume without an id, not the list. */
function partsOf(path: string): string[] | undefined {
  const parts = path.split('/')
  if (parts[0] === '') parts.shift()
  if (parts.length === 1 && parts[0] === '') parts.shift()
  return parts.includes('') ? undefined : parts
}

export class Router<T> {
  readonly #root = node<T>()

  add(method: string, path: string, target: T): void {
    const names: string[] = []
    let here = this.#root
    for (const segment of path.split('/')) {
      if (segment === '') continue
      if (segment.startsWith(':')) {
        names.push(segment.slice(1))
        here = here.parameter ??= node()
      } else {
        let next = here.literals.get(segment)
        if (!next) here.literals.set(segment, (next = node()))
        here = next
      }
    }
    const entry = here.methods.get(method)
    if (entry) entry.targets.push(target)
    else here.methods.set(method, { names, targets: [target] })
  }

  /** The routes for method and path; or the methods that the path has; or undefined where no route has the path. */
  find(method: string, path: string): Match<T> | { readonly allow: readonly string[] } | undefined {
    const segments = partsOf(path)
    if (!segments) return undefined
    const values: string[] = []
    const end = this.#walk(this.#root, segments, 0, values)
    if (!end) return undefined
    const entry = end.methods.get(method) ?? (method === 'HEAD' ? end.methods.get('GET') : undefined)
    if (!entry) return { allow: [...end.methods.keys()].sort() }
    const params: Record<string, string> = {}
    entry.names.forEach((name, at) => {
      params[name] = values[at] ?? ''
    })
    return { params, targets: entry.targets }
  }

  #walk(here: Node<T>, segments: readonly string[], at: number, values: string[]): Node<T> | undefined {
    const segment = segments[at]
    if (segment === undefined) return here.methods.size > 0 ? here : undefined
    const literal = here.literals.get(segment)
    if (literal) {
      const found = this.#walk(literal, segments, at + 1, values)
      if (found) return found
    }
    if (!here.parameter) return undefined
    const value = decode(segment)
    if (value === undefined) return undefined
    values.push(value)
    const found = this.#walk(here.parameter, segments, at + 1, values)
    if (!found) values.pop()
    return found
  }
}
