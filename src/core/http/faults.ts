// How each service's clients expect an error's body to look. A service names its style once.
import { AppError, diskFull, isDiskFull } from '#core/errors'
import type { Version } from '#core/spec'
import { preferredType } from './accept.ts'

export interface Fault {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly name: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
  readonly requestId: string
}

/** @param accept what the client takes, where the service has several forms */
export type FaultStyle = (fault: Fault, version: Version | undefined, accept: string | undefined) => { readonly body: string; readonly contentType: string }

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable',
  409: 'Conflict', 410: 'Gone', 411: 'Length Required', 412: 'Precondition Failed', 413: 'Request Entity Too Large', 415: 'Unsupported Media Type',
  416: 'Request Range Not Satisfiable', 429: 'Too Many Requests', 500: 'Internal Server Error', 501: 'Not Implemented',
  503: 'Service Unavailable', 504: 'Gateway Timeout',
}

/** What the client may know of an error. An unforeseen one shows its request id and nothing of its inside. */
export function toFault(error: unknown, requestId: string): Fault {
  if (error instanceof AppError) {
    const { status, code, message, details } = error
    return { status, code, title: titles[status] ?? 'Error', name: error.name, message, details, requestId }
  }
  if (isDiskFull(error)) return toFault(diskFull(error), requestId)
  return {
    status: 500, code: 'internal', title: 'Internal Server Error', name: 'InternalServerError',
    message: `An unexpected error occurred. The log has its cause under ${requestId}.`, details: {}, requestId,
  }
}

const json = (value: unknown) => ({ body: JSON.stringify(value), contentType: 'application/json' })

/** `{"error": {"code", "title", "message"}}` (keystone/server/flask/application.py), with the methods that there are for a log-in by one that there is not; also what the token middleware answers. */
export const keystoneFaults: FaultStyle = ({ status, title, message, details: { identity } }) =>
  json({ error: { code: status, message, title, ...(status === 401 && identity !== undefined && { identity }) } })

const computeNames: Readonly<Record<number, string>> = {
  400: 'badRequest', 401: 'unauthorized', 403: 'forbidden', 404: 'itemNotFound', 405: 'badMethod', 409: 'conflictingRequest',
  413: 'overLimit', 415: 'badMediaType', 429: 'overLimit', 501: 'notImplemented', 503: 'serviceUnavailable',
}

/** One key that names the kind of fault (nova/api/openstack/wsgi.py, Fault). */
export const computeFaults: FaultStyle = ({ status, message, details }) => {
  const inner: Record<string, unknown> = { code: status, message }
  if ((status === 413 || status === 429) && details['retryAfter'] !== undefined) inner['retryAfter'] = String(details['retryAfter'])
  return json({ [computeNames[status] ?? 'computeFault']: inner })
}

/** `{"NeutronError": {"type", "message", "detail"}}` (neutron/api/api_common.py). What is no error of a service's own is named as webob names it. */
export const neutronFaults: FaultStyle = ({ code, name, title, message }) =>
  json({ NeutronError: { type: code.includes('.') ? name : `HTTP${title.replaceAll(' ', '')}`, message, detail: '' } })

/** What webob says of a status before the fault's own words (webob/exc.py). */
const explanations: Readonly<Record<number, string>> = {
  400: 'The server could not comply with the request since it is either malformed or otherwise incorrect.', 403: 'Access was denied to this resource.',
  404: 'The resource could not be found.', 406: 'The resource could not be generated that was acceptable to your browser (content of type application/json. ',
  409: 'There was a conflict when trying to complete your request.',
}

/**
 * `{"errors": [...]}`; codes from 1.23 (placement/errors.py), the range where none of its versions was asked for (placement/util.py,
 * json_error_formatter). Who would rather have another form than JSON gets what webob makes.
 */
export const placementFaults: FaultStyle = (fault, version, accept = '*/*') => {
  const { status, title, message, code, requestId, details: { minVersion, maxVersion } } = fault
  if (accept !== '' && accept !== '*/*' && preferredType(accept, ['text/html', 'application/json']) !== 'application/json') return webobFaults(fault, version, accept)
  const explanation = explanations[status]
  const detail = explanation === undefined ? message : `${explanation}\n\n ${message === explanation ? '' : message}  `
  return json({
    errors: [{
      status, title, detail, request_id: requestId,
      ...(version?.atLeast('1.23') ? { code: code.startsWith('placement.') ? code : 'placement.undefined_code' } : {}),
      ...(minVersion !== undefined && { min_version: minVersion, max_version: maxVersion }),
    }],
  })
}

/** What glance answers, and placement to who wants no JSON: as webob renders it, a small page, JSON, or text for who takes neither (webob/exc.py, generate_response). */
export const webobFaults: FaultStyle = ({ status, title, message }, _version, accept = '') => {
  const heading = `${status} ${title}`
  const type = preferredType(accept, ['text/html', 'application/json'])
  if (type === 'application/json') return json({ message: `${message}<br /><br />\n\n\n`, code: heading, title })
  if (type === undefined) return { body: `${heading}\n\n${message}\n\n   `, contentType: 'text/plain; charset=UTF-8' }
  const text = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return {
    body: `<html>\n <head>\n  <title>${heading}</title>\n </head>\n <body>\n  <h1>${heading}</h1>\n  ${text}<br /><br />\n\n\n\n </body>\n</html>`,
    contentType: 'text/html; charset=UTF-8',
  }
}
