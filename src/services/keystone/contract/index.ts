// What others may know of keystone: its routes, and what a token says.
export { identityVersion } from './versions.ts'
export { TokenDocument, tokenRoutes } from './tokens.ts'
