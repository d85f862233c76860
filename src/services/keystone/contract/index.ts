// What others may know of keystone: its routes, and the shapes that they answer with.
export { tokenRoutes } from './tokens.ts'
export { domainRoutes, projectRoutes } from './projects.ts'
export { userRoutes } from './users.ts'
export { groupRoutes } from './groups.ts'
export { roleRoutes } from './roles.ts'
export { grantRoutes, roleAssignmentRoutes } from './grants.ts'
export { endpointRoutes, regionRoutes, serviceRoutes } from './catalog.ts'
