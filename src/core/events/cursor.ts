// How far a reader has come in each log of events, as one opaque word. A log ignores what a cursor says of others, so
// cursors of several services join into one.
import { BadRequest } from '#core/errors'

/** The last event that was read, and when it happened, by which it is known again; zeros before the first. */
export interface Position {
  readonly sequence: number
  readonly time: number
}

export type Positions = ReadonlyMap<string, Position>

export function writeCursor(positions: Positions): string {
  return [...positions].map(([log, { sequence, time }]) => `${log}.${sequence.toString(36)}.${time.toString(36)}`).join('~')
}

const entry = /^([a-z0-9_]{1,40})\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/

/** @throws BadRequest when it is none of ours */
export function readCursor(text: string): Map<string, Position> {
  const positions = new Map<string, Position>()
  for (const part of text.split('~')) {
    const [, log, sequence = '', time = ''] = entry.exec(part) ?? []
    if (log === undefined) throw new BadRequest('The cursor is not one that a stream of events gave.')
    positions.set(log, { sequence: Number.parseInt(sequence, 36), time: Number.parseInt(time, 36) })
  }
  return positions
}
