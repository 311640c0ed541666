import { Gateway, type GatewayOptions } from '../load/gateway.ts'
import { GatewayServer } from './server.ts'

/**
 * Makes a gateway for a program that embeds one: `const server = await createGateway({ file, log })`,
 * then `await server.start()` to listen, or `server.app.inject(…)` after `server.gateway.start()`.
 *
 * @throws {ConfigError} with all that is wrong in the config
 */
export async function createGateway(options: GatewayOptions): Promise<GatewayServer> {
  return new GatewayServer(await Gateway.load(options))
}
