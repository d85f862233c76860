// What is done to a cloud by hand, behind its back: to its rows, its programs, its daemon; and what its doctor says then.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { processesOf } from './host-state.ts'
import type { RealCloud } from './real-cloud.ts'

export interface Found {
  readonly id: string
  readonly kind: string
  readonly resource: string
  readonly state: string
  readonly ended_at?: string
}

/** It ends with 1 while anything is open. */
export async function doctor(cloud: RealCloud, ...args: string[]): Promise<{ findings: Found[] }> {
  const text = await cloud.nimbo('doctor', '--json', ...args).catch((error: Error) => String((error.cause as { stdout?: string }).stdout))
  const diagnosis = JSON.parse(text) as { findings: Found[]; silent: string[]; failed: string[] }
  assert.deepEqual([diagnosis.silent, diagnosis.failed], [[], []])
  return diagnosis
}

/** Chains stand in the order in which they were made. */
export function sortedRules(text: string): string {
  return text.split('\n\n').map((block) => block.trim()).sort().join('\n')
}

export function kill(cloud: RealCloud, command: RegExp): void {
  const found = processesOf(cloud.directory).filter((each) => command.test(each)).map((each) => Number(each.split(' ')[0]))
  assert.ok(found.length > 0, `${String(command)} runs`)
  for (const pid of found) process.kill(pid, 'SIGKILL')
}

/** Into the database of a running cloud. @throws when it changed nothing */
export function write(file: string, statement: string, ...values: readonly string[]): void {
  const database = new DatabaseSync(file, { timeout: 5000 })
  const { changes } = database.prepare(statement).run(...values)
  database.close()
  assert.ok(Number(changes) > 0 || statement.startsWith('delete from block'), statement)
}

/** Another row like the one with this value, but for what is changed. */
export function copyRow(file: string, table: string, [column, value]: readonly [string, string], change: Readonly<Record<string, string | null>>): void {
  const database = new DatabaseSync(file, { timeout: 5000 })
  const { id: _own, ...row } = database.prepare(`select * from ${table} where ${column} = ?`).get(value) as Record<string, SQLInputValue>
  const next: Record<string, SQLInputValue> = { ...row, ...change }
  database.prepare(`insert into ${table} (${Object.keys(next).join(', ')}) values (${Object.keys(next).map(() => '?').join(', ')})`).run(...Object.values(next))
  database.close()
}

/** An operation that somebody who will never come holds, and that should have ended long ago. */
export function insertOverdue(file: string, id: string): void {
  write(file, `insert into operations (id, kind, resource_id, input, identity, request_id, status, position, attempt, epoch, lease_owner, lease_until, cancel_requested, deadline_at, created_at)
    values (?, 'test.stuck', ?, '{}', '{}', 'r', 'running', 0, 1, 1, 'nobody', '2999-01-01T00:00:00.000Z', 0, '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z')`, id, id)
}

export function read(file: string, statement: string, value: string): string {
  const database = new DatabaseSync(file, { readOnly: true })
  const row = database.prepare(statement).get(value) as Record<string, string>
  database.close()
  return Object.values(row)[0] ?? ''
}

/** One command to a monitor. */
export function qmp(path: string, command: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    const lines = [JSON.stringify({ execute: 'qmp_capabilities' }), JSON.stringify({ ...command, id: 'asked' })]
    socket.on('error', reject).on('data', (chunk) => {
      text += String(chunk)
      if (/"QMP"/.test(text) && lines.length > 0) socket.write(`${lines.splice(0).join('\n')}\n`)
      for (const line of text.split('\n').filter((each) => each.trim() !== '' && each.includes('"asked"') && each.trimEnd().endsWith('}'))) {
        const answer = JSON.parse(line) as { return?: unknown; error?: { desc: string } }
        socket.end()
        if (answer.error) reject(new Error(answer.error.desc))
        else resolve(answer.return)
      }
    })
  })
}
