// How the command line speaks: progress for people, JSON for machines, errors that say what to do.

export interface Output {
  readonly json: boolean
}

/** One line that is replaced as work goes on, where there is a terminal; a line each where there is none. */
export class ProgressLine {
  #last = ''

  show(message: string): void {
    if (message === this.#last) return
    this.#last = message
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${message} …`)
    else process.stderr.write(`${message}\n`)
  }

  clear(): void {
    if (process.stderr.isTTY && this.#last !== '') process.stderr.write('\r\x1b[K')
    this.#last = ''
  }
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** Rows in columns as wide as their widest value. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]) => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd()
  return [line(head), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n')
}

/** A failure that the person who typed the command can do something about. */
export class CommandError extends Error {}
