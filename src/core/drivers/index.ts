export { connectWhenUp, QmpClient, QmpLost, QmpRefused, type QmpEvent, type QmpOptions } from './qmp.ts'
