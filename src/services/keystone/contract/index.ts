// What others may know of keystone: its routes, and the shapes that they answer with.
export { identityVersion } from './versions.ts'
export { TokenDocument, tokenRoutes } from './tokens.ts'
export { Domain, domainRoutes, Project, projectRoutes } from './projects.ts'
export { User, userRoutes } from './users.ts'
export { Group, groupRoutes } from './groups.ts'
export { Role, roleRoutes } from './roles.ts'
export { grantRoutes, roleAssignmentRoutes } from './grants.ts'
export { Endpoint, endpointRoutes, Region, regionRoutes, Service, serviceRoutes } from './catalog.ts'
