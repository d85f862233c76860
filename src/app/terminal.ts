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
  print(jsonText(value, 2))
}

/** Control characters, and those that turn the direction of a line. */
const orders = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** JSON leaves some of what a terminal obeys as it is. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(orders, (each) => (each === '\n' ? each : `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`))
}

/** A text that others chose, such as a name, without what a terminal would obey. */
export function plain(text: string): string {
  return text.replaceAll(orders, '\u{fffd}')
}

/** Rows in columns as wide as their widest value, which others may have chosen. */
export function table(head: readonly string[], values: readonly (readonly string[])[]): string {
  const rows = values.map((row) => row.map(plain))
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]) => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd()
  return [line(head), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n')
}

/** A failure that the person who typed the command can do something about. */
export class CommandError extends Error {}
