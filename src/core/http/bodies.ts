// How a service reads the bodies that it is sent, where its clients expect more than the words of a schema. A service names its style once.
import type { AppError } from '#core/errors'
import type { RouteSpec, TSchema } from '#core/spec'
import type { Problem } from '#core/validation'

export interface BodyStyle {
  /** The body as its schema describes it; `undefined` stands for none. @throws AppError */
  read(body: unknown, schema: TSchema, method: RouteSpec['method']): unknown
  /** What is wrong with a body, in the service's words. */
  refusal(problem: Problem): AppError
  /** What is said of a body that is no JSON. */
  readonly malformed: string
}
