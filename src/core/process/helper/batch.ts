// What `ip -batch` and `bridge -batch` say about the lines that the kernel refused.

export interface Refusal {
  readonly line: string
  readonly message: string
  readonly kind: 'exists' | 'absent' | 'other'
}

const existing = /File exists|already|Device or resource busy|Address already assigned/i
const missing = /Cannot find device|No such (file or directory|device|process)|Cannot assign requested address|does not exist|Device ".*" does not/i

/** Messages come before the `Command failed -:N` that they belong to. */
export function refusalsIn(stderr: string, batch: string): Refusal[] {
  const lines = batch.split('\n')
  const found: Refusal[] = []
  let messages: string[] = []
  for (const said of stderr.split('\n')) {
    const failed = /^Command failed -:(\d+)/.exec(said)
    if (!failed) {
      if (said.trim()) messages.push(said.trim())
      continue
    }
    const message = messages.join(' ') || 'refused'
    messages = []
    const kind = existing.test(message) ? 'exists' : missing.test(message) ? 'absent' : 'other'
    found.push({ line: lines[Number(failed[1]) - 1] ?? '', message, kind })
  }
  return found
}
