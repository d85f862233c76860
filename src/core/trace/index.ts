export * from './boot-flow.ts'
export { createRecorder, mark, markTokenCheck, type Outcome, type Recorder, type Span, traced, type TraceHead, traceMigrations, type TraceTables } from './recorder.ts'
