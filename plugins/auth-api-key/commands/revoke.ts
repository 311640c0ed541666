import type { Command } from '@headgate/api'
import type { Config } from '../config.ts'
import { KeyFile, keyFilePath } from '../key-file.ts'
import { viewOf } from './view.ts'

/** `headgate keys revoke <id>`: ends a key. Its line stays, so that old log rows keep their meaning. */
export const revoke: Command<Config> = {
  summary: 'revoke an API key; running gateways notice within seconds',
  usage: '<id>',
  async run({ config, args, now, ...places }) {
    const id = args[0]
    if (id === undefined || args.length > 1) throw new Error('give the id of one key, as `headgate keys list` prints it')
    const file = new KeyFile(keyFilePath(config.file, places))
    const revoked = new Date(now()).toISOString()
    let already = false
    await file.update(keys => {
      const known = keys.find(key => key.id === id)
      if (known === undefined) throw new Error(`there is no key with the id "${id}"`)
      already = known.revoked !== undefined
      return already ? undefined : keys.map(key => (key === known ? { ...key, revoked } : key))
    })
    const record = (await file.read()).find(key => key.id === id)
    return { data: record === undefined ? null : viewOf(record, now()), lines: [already ? `${id} was revoked before` : `${id} is revoked`] }
  }
}
