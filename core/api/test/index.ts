export { readAnswer, type TestAnswer } from './answer.ts'
export { createTestGateway, type TestGateway, type TestGatewayOptions, type TestPlugin } from './gateway.ts'
export { captureLog, type LogLine } from './log-capture.ts'
export * from './upstream.ts'
