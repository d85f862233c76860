// `nimbo doctor`: where rows and reality differ, for how long, and what to do about it; and doing it.
import { askControl, tellControl } from '../control.ts'
import type { Diagnosis, FindingView } from '../doctor.ts'
import { layout } from '../layout.ts'
import { CommandError, plain, print, printJson, table } from '../terminal.ts'

export interface DoctorOptions {
  readonly json: boolean
  /** Look at everything first. */
  readonly now: boolean
  /** Show also what was repaired or went by itself. */
  readonly history: boolean
  /** The beginning of a finding's id, or `all`. */
  readonly repair?: string
}

/** A round over a large cloud takes its time. */
const patienceSeconds = 310
const remedies = { 'by-itself': 'by itself', 'when-asked': 'when asked', none: 'no' } as const

/** Sets exit status 1 while anything is open. */
export async function doctor(directory: string, options: DoctorOptions): Promise<void> {
  const { control } = layout(directory)
  if (options.repair !== undefined) return repair(control, options.repair, options.json)
  const diagnosis = options.now
    ? (await tellControl<Diagnosis>(control, 'POST', '/audit', patienceSeconds)).body
    : await askControl<Diagnosis>(control, `/findings${options.history ? '?ended=1' : ''}`)
  if (!diagnosis) throw new CommandError('The cloud does not answer: start it with `nimbo up`.')
  const open = diagnosis.findings.filter(({ state }) => state === 'open')
  if (open.length > 0 || diagnosis.silent.length > 0 || diagnosis.failed.length > 0) process.exitCode = 1
  if (options.json) return printJson(diagnosis)
  for (const service of diagnosis.silent) print(`The auditor of ${service} does not answer.`)
  for (const check of diagnosis.failed) print(`Could not be compared: ${check}. The log says why.`)
  if (diagnosis.findings.length === 0) return print('Nothing was found: rows and reality agree.')
  const short = shortIds(diagnosis.findings)
  print(table(['ID', 'Kind', 'Age', 'Repair', 'What'], diagnosis.findings.map((each) => [
    short.get(each.id) ?? each.id, each.kind, age(each.age_seconds), each.state === 'open' ? remedies[each.remedy] : each.state, each.message,
  ])))
  for (const kind of new Set(diagnosis.findings.map((each) => each.kind))) {
    const one = diagnosis.findings.find((each) => each.kind === kind)
    print(`\n${kind}: ${one?.advice ?? ''}`)
  }
  for (const { id, done } of diagnosis.findings) if (done !== '') print(`\n${short.get(id)}: ${plain(done)}`)
}

async function repair(control: string, wanted: string, json: boolean): Promise<void> {
  const diagnosis = await askControl<Diagnosis>(control, '/findings')
  if (!diagnosis) throw new CommandError('The cloud does not answer: start it with `nimbo up`.')
  const chosen = diagnosis.findings.filter(({ id, remedy }) => (wanted === 'all' ? remedy !== 'none' : id.startsWith(wanted)))
  if (wanted !== 'all' && chosen.length !== 1) throw new CommandError(chosen.length === 0 ? `There is no open finding ${wanted}.` : `${wanted} is the beginning of ${chosen.length} findings.`)
  const ended: unknown[] = []
  for (const { id, kind, resource } of chosen) {
    const { status, body } = await tellControl<FindingView & { error?: string }>(control, 'POST', `/findings/${id}/repair`, patienceSeconds)
    const state = status === 200 && body ? body.state : 'open'
    if (state === 'open') process.exitCode = 1
    ended.push(body)
    if (!json) print(plain(`${kind} ${resource}: ${body?.error ?? (state === 'gone' ? 'It is as it should be.' : body?.done)}`))
  }
  if (json) printJson(ended)
  else if (chosen.length === 0) print('Nothing is open that could be repaired.')
}

/** As many characters as tell the findings apart. */
function shortIds(findings: readonly FindingView[]): Map<string, string> {
  const ids = findings.map(({ id }) => id)
  let length = 8
  while (length < 36 && new Set(ids.map((id) => id.slice(0, length))).size < ids.length) length++
  return new Map(ids.map((id) => [id, id.slice(0, length)]))
}

function age(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`
}
