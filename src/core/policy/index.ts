// Policy: who may do what, in oslo.policy's language, so that operators' own policy files go on working.
export { commonChecks } from './common.ts'
export { compilePolicy, type Policy, type Rule, type Scope } from './compile.ts'
export { PolicySyntaxError, type CheckList } from './parse.ts'
export { samplePolicy } from './sample.ts'
export type { Target } from './values.ts'
