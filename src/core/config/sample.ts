// A configuration file with every option commented out at its default, and its help above it.
import type { Option } from './option.ts'
import { variableName, type Section } from './section.ts'

export function sampleConfig(sections: readonly Section[]): string {
  const head = [
    '# Every option at its default. Remove the # before a line to change it.',
    '# An environment variable overrides the file.',
  ]
  return `${[...head, ...sections.flatMap(sectionLines)].join('\n')}\n`
}

function sectionLines(section: Section): readonly string[] {
  const options = Object.entries(section.options).flatMap(([name, option]) => optionLines(section.name, name, option))
  return ['', `[${section.name}]`, ...options]
}

function optionLines(section: string, name: string, option: Option<unknown>): readonly string[] {
  const unit = option.unit === undefined ? '' : `, in ${option.unit}`
  return [
    '',
    ...wrap(option.help),
    `# Expects ${option.expects}${unit}. Variable: ${variableName(section, name)}`,
    `#${name} = ${option.default === undefined ? '' : inToml(option.default)}`.trimEnd(),
  ]
}

function inToml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inToml).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)} = ${inToml(item)}`)
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
  }
  return JSON.stringify(value)
}

function wrap(text: string): readonly string[] {
  const lines: string[] = []
  let line = '#'
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > 100 && line !== '#') {
      lines.push(line)
      line = '#'
    }
    line += ` ${word}`
  }
  return [...lines, line]
}
