// Keystone's API: its tables joined with their handlers.
import { createApi, keystoneFaults, serve, type Transport } from '#core/http'
import { BadRequest } from '#core/errors'
import { type Problem, pythonWording } from '#core/validation'
import {
  domainRoutes, endpointRoutes, grantRoutes, groupRoutes, projectRoutes, regionRoutes, roleAssignmentRoutes, roleRoutes, serviceRoutes, tokenRoutes, userRoutes,
} from '../contract/index.ts'
import { authenticate } from '../domain/authenticate.ts'
import type { Keystone } from '../domain/keystone.ts'
import { forbidden, missing } from '../model/errors.ts'
import { endpointHandlers, regionHandlers, serviceHandlers } from './catalog.ts'
import { discovery } from './discovery.ts'
import { grantHandlers } from './grants.ts'
import { domainHandlers, projectHandlers } from './projects.ts'
import { roleAssignmentHandlers } from './role-assignments.ts'
import { roleHandlers } from './roles.ts'
import { tokenHandlers } from './tokens.ts'
import { groupHandlers, userHandlers } from './users.ts'

export function identityApi(keystone: Keystone, options: { readonly authUrl: string; readonly checkReplies: boolean }): Transport {
  const api = createApi({
    service: 'keystone', prefix: '/v3', ignoresTrailingSlash: true, framework: 'flask', faults: keystoneFaults, input: { refusal, unreadable },
    policy: keystone.policy, refusal: forbidden, capabilities: keystone, discovery, ...options,
    authenticate: (token, serviceToken) => authenticate(keystone, token, serviceToken),
    routes: [
      serve(tokenRoutes, tokenHandlers(keystone)), serve(domainRoutes, domainHandlers(keystone)), serve(projectRoutes, projectHandlers(keystone)),
      serve(userRoutes, userHandlers(keystone)), serve(groupRoutes, groupHandlers(keystone)), serve(roleRoutes, roleHandlers(keystone)),
      serve(grantRoutes, grantHandlers(keystone)), serve(roleAssignmentRoutes, roleAssignmentHandlers(keystone)),
      serve(regionRoutes, regionHandlers(keystone)), serve(serviceRoutes, serviceHandlers(keystone)), serve(endpointRoutes, endpointHandlers(keystone)),
    ],
  })
  // Every answer is one for the token that asked (server/flask/application.py, _add_vary_x_auth_token_header).
  return async (request) => {
    const reply = await api(request)
    return { ...reply, headers: { ...reply.headers, Vary: 'X-Auth-Token' } }
  }
}

/** Of a query it says no more than of a body (keystone/api/validation/validators.py). */
function refusal(problem: Problem) {
  return new BadRequest(pythonWording(problem))
}

function unreadable(part: 'body' | 'content type') {
  return part === 'body' ? missing('valid JSON', 'request body') : missing('application/json', 'Content-Type header')
}
