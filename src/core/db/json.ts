// Values that a column keeps as JSON text.

/** Text for a column. `undefined` has no JSON and is refused. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError('undefined cannot be stored as JSON')
  return text
}

/** What `toJson` stored. The type is the caller's word: a column holds what its own repository wrote. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text) as T
}
