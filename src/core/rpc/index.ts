export { type Answer, AnswerLost, answerMessage, type Bus, createLocalBus, type Message, type RpcClient, rpcClient, type RpcServer } from './bus.ts'
