export { type Bus, createLocalBus, type RpcClient, rpcClient, type RpcServer } from './bus.ts'
