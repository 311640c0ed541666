import { definePlugin, OPERATIONS } from '@headgate/api'
import { enforceModels } from './allowed-models.ts'
import { authenticate } from './authenticate.ts'
import { create } from './commands/create.ts'
import { list } from './commands/list.ts'
import { revoke } from './commands/revoke.ts'
import { configSchema, validate } from './config.ts'
import { checkBootstrapKey, makeFirstKey, registerBootstrapKey } from './first-key.ts'
import { KeyFile, keyFilePath } from './key-file.ts'
import { KeyWatch } from './key-watch.ts'
import { loadPepper } from './pepper.ts'
import { Throttle } from './throttle.ts'

/** Authenticates clients by API keys that are stored only as digests. */
export default definePlugin({
  name: 'auth-api-key',
  apiVersion: 1,
  stability: 'beta',
  operations: OPERATIONS,
  secrets: ['client_credential', 'bootstrap_key'],
  configSchema,
  validate,
  commands: { 'keys create': create, 'keys list': list, 'keys revoke': revoke },
  setup({ config, bootstrapKey, now, log, announce, ...places }) {
    checkBootstrapKey(bootstrapKey)
    const file = new KeyFile(keyFilePath(config.file, places))
    const throttle = new Throttle(config.throttle.failures, config.throttle.window)
    let watch: KeyWatch | undefined
    return {
      async start() {
        const pepper = await loadPepper({ configured: config.pepper, dataDir: places.dataDir, mayCreate: (await file.read()).length === 0 })
        const source = { file, pepper, now, log, announce }
        const extra = bootstrapKey === undefined ? [] : await registerBootstrapKey(bootstrapKey, source)
        if (bootstrapKey === undefined) await makeFirstKey(source)
        watch = new KeyWatch(file, pepper, extra, log)
        await watch.start(config.refresh)
      },
      authenticate(ctx) {
        if (watch === undefined) throw new Error('asked for a key before start')
        return authenticate(ctx, { watch, throttle, now })
      },
      request(ctx) {
        enforceModels(ctx)
      },
      async close() {
        await watch?.stop()
      }
    }
  }
})
