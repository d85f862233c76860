// Keystone, the identity service: who may do what, with which tokens, and where each service is.
import { identityEvents } from '#core/client'
import { defineService } from '#core/service'
import { identityApi } from './api/index.ts'
import { keystoneOptions } from './config.ts'
import { openKeystone } from './start.ts'

export { bootstrap, type BootstrapInput } from './bootstrap.ts'
export { type IdentityRuntime, rotateFernetKeys } from './start.ts'

export const keystone = defineService({
  name: 'keystone',
  options: keystoneOptions,
  roles: {
    async api(runtime) {
      const identity = await openKeystone(runtime)
      const listener = runtime.bus.serve(identityEvents, runtime.host, {
        async changed() {
          identity.remembered.forget()
        },
      })
      return {
        transport: identityApi(identity, { authUrl: runtime.authUrl, checkReplies: runtime.checkReplies }),
        stop: () => listener.close(),
      }
    },
  },
})
