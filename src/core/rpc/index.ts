export { type Answer, answerMessage, type Bus, createLocalBus, type Message, type RpcClient, rpcClient, type RpcServer } from './bus.ts'
