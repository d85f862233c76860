// Microversions: an ordered list with one line of prose each; discovery, minimum and maximum follow from it.

export interface VersionLine {
  readonly version: string
  readonly summary: string
}

/** What a request settled on. Compares by number, not by text: 2.10 comes after 2.9. */
export interface Version {
  readonly text: string
  atLeast(other: string): boolean
}

export interface VersionList {
  readonly lines: readonly VersionLine[]
  readonly minimum: Version
  readonly maximum: Version
}

const known = new Map<string, [number, number]>()

function parts(text: string): [number, number] {
  let pair = known.get(text)
  if (!pair) {
    const [major, minor] = text.split('.')
    pair = [Number(major), Number(minor ?? 0)]
    if (known.size < 1000) known.set(text, pair)
  }
  return pair
}

export function compareVersions(a: string, b: string): number {
  const [aMajor, aMinor] = parts(a)
  const [bMajor, bMinor] = parts(b)
  return aMajor - bMajor || aMinor - bMinor
}

const versions = new Map<string, Version>()

export function version(text: string): Version {
  let value = versions.get(text)
  if (!value) {
    value = { text, atLeast: (other) => compareVersions(text, other) >= 0 }
    if (versions.size < 1000) versions.set(text, value)
  }
  return value
}

export function defineVersions(lines: readonly VersionLine[]): VersionList {
  for (let at = 1; at < lines.length; at++) {
    const [before, here] = [lines[at - 1], lines[at]]
    if (before && here && compareVersions(before.version, here.version) >= 0) {
      throw new Error(`version ${here.version} stands after ${before.version}: the list must be in order`)
    }
  }
  const first = lines[0]
  const last = lines.at(-1)
  if (!first || !last) throw new Error('a version list has at least one line')
  return { lines, minimum: version(first.version), maximum: version(last.version) }
}
