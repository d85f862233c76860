// Telling disk image formats apart, and what in them is dangerous, with no program of the host's involved.
export { FormatInspector } from './inspector.ts'
export { reasonsAgainst, type DetectedFormat, type ImageReport } from './report.ts'
