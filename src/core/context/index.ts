export * from './capabilities.ts'
export * from './clock.ts'
export * from './random.ts'
export * from './request.ts'
