// What glance says of bodies that it cannot take.
import { type AppError, BadRequest } from '#core/errors'
import type { InputStyle } from '#core/http'
import { type Problem, pythonReason, pythonWording } from '#core/validation'
import { NewImage } from '../contract/image-shapes.ts'

/** As upstream (glance/schema.py), with the first line of what its checker says: the others repeat the schema. */
export function notAnImage(problem: Problem): AppError {
  const field = problem.path.at(-1)
  return new BadRequest(`Provided object does not match schema 'image': ${field === undefined ? '' : `${field}: `}${pythonReason(problem)}`)
}

export const glanceInput: InputStyle = {
  refusal: (problem, _part, schema) => (schema === NewImage ? notAnImage(problem) : new BadRequest(pythonWording(problem))),
  unreadable: (part) => (part === 'body' ? new BadRequest('Malformed JSON in request body.') : undefined),
}
