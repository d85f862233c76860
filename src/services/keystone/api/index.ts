// Keystone's API: its tables joined with their handlers.
import { createApi, keystoneFaults, serve, type Transport } from '#core/http'
import { tokenRoutes } from '../contract/tokens.ts'
import { authenticate } from '../domain/authenticate.ts'
import type { Keystone } from '../domain/keystone.ts'
import { discovery } from './discovery.ts'
import { tokenHandlers } from './tokens.ts'

export function identityApi(keystone: Keystone, options: { readonly authUrl: string; readonly checkReplies: boolean }): Transport {
  return createApi({
    service: 'keystone', prefix: '/v3', faults: keystoneFaults, policy: keystone.policy, capabilities: keystone, discovery, ...options,
    authenticate: (token, serviceToken) => authenticate(keystone, token, serviceToken),
    routes: [serve(tokenRoutes, tokenHandlers(keystone))],
  })
}
