import { open, type FileHandle } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isatty } from 'node:tty'
import { definePlugin, OPERATIONS } from '@headgate/api'
import { configSchema, validate } from './config.ts'
import { lineOf, printLine } from './line.ts'
import { prettyLine } from './pretty.ts'
import { LineWriter } from './writer.ts'

const STDOUT = 1

/** How often lost lines are reported, in milliseconds. */
const REPORT_MS = 60_000

/** Writes one JSON line a request to stdout or a file. */
export default definePlugin({
  name: 'log-stdout',
  apiVersion: 1,
  stability: 'beta',
  operations: OPERATIONS,
  configSchema,
  validate,
  setup({ config, configDir, log }) {
    const pretty = config.pretty === 'auto' ? config.file === undefined && isatty(STDOUT) : config.pretty
    const options = { bodies: config.bodies, maxBody: config.max_body, headers: config.headers.map(name => name.toLowerCase()) }
    let file: FileHandle | undefined
    let writer: LineWriter | undefined
    let timer: NodeJS.Timeout | undefined
    let reported = 0

    function report(): void {
      if (writer === undefined || writer.dropped === reported) return
      log.warn({ dropped: writer.dropped - reported }, 'request log lines were lost')
      reported = writer.dropped
    }

    return {
      async start() {
        if (config.file !== undefined) file = await open(resolve(configDir, config.file), 'a', 0o600)
        writer = new LineWriter(file?.fd ?? STDOUT, config.queue, err => {
          log.error({ err }, 'the request log cannot be written any more')
        })
        timer = setInterval(report, REPORT_MS)
        timer.unref()
      },
      log(exchange) {
        const line = lineOf(exchange, options)
        writer?.push(pretty ? prettyLine(line) : printLine(line))
      },
      async close(deadline) {
        clearInterval(timer)
        await writer?.flush(deadline)
        writer?.stop()
        report()
        const opened = file
        file = undefined
        await opened?.close()
      }
    }
  }
})
