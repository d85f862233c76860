// Commands that must not run side by side take turns, by key.

export function turns(): <T>(key: string, run: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()
  return (key, run) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(run, run)
    const settled = mine.catch(() => {}).finally(() => {
      if (last.get(key) === settled) last.delete(key)
    })
    last.set(key, settled)
    return mine
  }
}
