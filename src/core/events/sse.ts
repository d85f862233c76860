// Server-sent events on the wire (WHATWG HTML, 9.2): written by services, read by the front and by our command line.

export interface Sent {
  readonly id?: string
  readonly event?: string
  readonly data?: string
  readonly comment?: string
}

export function writeSent({ id, event, data, comment }: Sent): string {
  const lines = [
    ...(comment === undefined ? [] : [`: ${comment}`]), ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]), ...(data === undefined ? [] : data.split('\n').map((line) => `data: ${line}`)),
  ]
  return `${lines.join('\n')}\n\n`
}

const longest = 1024 * 1024

/** @throws Error when one of them is longer than any of ours */
export async function* readSent(bytes: AsyncIterable<Uint8Array | string>): AsyncGenerator<Sent> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of bytes) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield parse(text.slice(0, end))
      text = text.slice(end + 2)
    }
    if (text.length > longest) throw new Error('An event in the stream is too long.')
  }
}

function parse(block: string): Sent {
  const sent: { id?: string; event?: string; data?: string; comment?: string } = {}
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === '') sent.comment = value
    else if (name === 'data') sent.data = sent.data === undefined ? value : `${sent.data}\n${value}`
    else if (name === 'id' || name === 'event') sent[name] = value
  }
  return sent
}
