// The document that says which versions there are.
import type { Handlers } from '#core/http'
import { placementVersions, type rootRoutes } from '../contract/index.ts'
import type { Placement } from '../domain/change.ts'
import { fresh } from './headers.ts'

const versions = [{
  id: 'v1.0', max_version: placementVersions.maximum.text, min_version: placementVersions.minimum.text, status: 'CURRENT',
  // Relative: the client knows under which address it came.
  links: [{ rel: 'self', href: '' }],
}]

export const rootHandlers = ({ clock }: Placement): Handlers<typeof rootRoutes> => ({
  async showVersions({ version }) {
    return { status: 200, headers: fresh(version, clock.now()), body: { versions } }
  },
})
