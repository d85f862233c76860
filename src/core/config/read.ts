// Reading the configuration: defaults, then the file, then the environment. Every problem is told at once.
import { readFile } from 'node:fs/promises'
import { variableName, type Section, type Settings } from './section.ts'

export type Config<Sections extends readonly Section[]> = {
  readonly [S in Sections[number] as S['name']]: Settings<S>
}

export interface ReadOptions<Sections extends readonly Section[]> {
  /** A TOML file; without one, defaults and environment are all. */
  readonly file?: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly sections: Sections
}

/** The configuration cannot be used as it is written. Each problem says what to do. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.length === 1 ? problems[0] : `The configuration has ${problems.length} problems:\n${problems.map((one) => `- ${one}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** @throws ConfigError */
export async function readConfig<const Sections extends readonly Section[]>(options: ReadOptions<Sections>): Promise<Config<Sections>> {
  const { file, environment, sections } = options
  const problems: string[] = []
  const tables = file === undefined ? {} : await parseFile(file, sections, problems)
  const config: Record<string, Readonly<Record<string, unknown>>> = {}
  const variables = new Map<string, string>()
  for (const section of sections) {
    if (config[section.name]) throw new Error(`The section ${section.name} is declared twice`)
    const table = tableOf(tables, section, file, problems)
    config[section.name] = Object.freeze(readSection(section, table, environment, file, problems))
    for (const name of Object.keys(section.options)) {
      const variable = variableName(section.name, name)
      const other = variables.get(variable)
      if (other !== undefined) throw new Error(`${section.name}.${name} and ${other} have the same variable ${variable}`)
      variables.set(variable, `${section.name}.${name}`)
    }
  }
  problems.push(...unknownVariables(environment, sections, variables))
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(config) as Config<Sections>
}

function readSection(
  section: Section,
  table: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
  problems: string[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(section.options)) {
    const variable = variableName(section.name, name)
    const text = environment[variable]
    const written = Object.hasOwn(table, name)
    const fromFile = written ? option.fromFile(table[name]) : { value: option.default }
    const reading = text === undefined ? fromFile : option.fromText(text)
    if ('problem' in reading) {
      const shown = option.secret ? '***' : JSON.stringify(text ?? table[name])
      const where = text === undefined ? `${section.name}.${name} in ${file}` : `the environment variable ${variable}`
      const unit = option.unit === undefined ? '' : ` (${option.unit})`
      problems.push(`Set ${where} to ${reading.problem}${unit}, not ${shown}. ${option.help}`)
      continue
    }
    values[name] = reading.value
  }
  for (const name of Object.keys(table)) {
    if (Object.hasOwn(section.options, name)) continue
    problems.push(`Remove ${name} from [${section.name}] in ${file}, or correct its name: there is no such option${hint(name, Object.keys(section.options))}.`)
  }
  return values
}

async function parseFile(file: string, sections: readonly Section[], problems: string[]): Promise<Readonly<Record<string, unknown>>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new ConfigError([missing
      ? `There is no configuration file ${file}. Create it, name another one, or start without: every option has a default.`
      : `The configuration file ${file} cannot be read: ${(error as Error).message}.`])
  }
  const { parse } = await import('smol-toml') // only who has a file waits for the parser
  let tables: Record<string, unknown>
  try {
    tables = parse(text)
  } catch (error) {
    throw new ConfigError([`The configuration file ${file} is not valid TOML. ${(error as Error).message.trim()}`])
  }
  const names = sections.map((section) => section.name)
  for (const name of Object.keys(tables)) {
    if (!names.includes(name)) problems.push(`Remove ${name} from ${file}, or correct its name: there is no such section${hint(name, names)}.`)
  }
  return tables
}

function tableOf(tables: Readonly<Record<string, unknown>>, section: Section, file: string | undefined, problems: string[]): Readonly<Record<string, unknown>> {
  const table = Object.hasOwn(tables, section.name) ? tables[section.name] : {}
  if (typeof table === 'object' && table !== null && !Array.isArray(table) && !(table instanceof Date)) return table as Record<string, unknown>
  problems.push(`Write [${section.name}] in ${file} on a line of its own, with the options of ${section.name} on the lines below.`)
  return {}
}

/** Variables that belong to a known section but name none of its options. Others are not ours to judge. */
function unknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
  sections: readonly Section[],
  known: ReadonlyMap<string, string>,
): readonly string[] {
  const prefixes = sections.map((section) => variableName(section.name, ''))
  return Object.keys(environment)
    .filter((variable) => !known.has(variable) && prefixes.some((prefix) => variable.startsWith(prefix)))
    .map((variable) => `Unset the environment variable ${variable}, or correct its name: there is no such option${hint(variable, [...known.keys()])}.`)
}

/** The nearest known name, when one is near enough to be what was meant. */
function hint(name: string, known: readonly string[]): string {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best === undefined ? '' : ` (did you mean ${best}?)`
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
