import { explain } from './explain.ts'
import { EXIT } from './exit.ts'
import { environmentFor, loadForReading } from './load.ts'
import { CONFIG_OPTIONS, parse } from './options.ts'
import { print } from './output.ts'

/** `headgate check`: everything but starting. Needs no network. */
export async function check(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { ...CONFIG_OPTIONS, explain: { type: 'boolean' } }, true)
  const environment = await environmentFor(values.config ?? positionals[0])
  const gateway = await loadForReading(environment)
  try {
    const explained = explain(gateway)
    if (values.json === true)
      print(JSON.stringify({ ok: true, file: environment.config, ...(values.explain === true && explained.data) }, null, 2))
    else print(values.explain === true ? explained.text : `${environment.config} is valid: ${explained.summary}`)
    return EXIT.ok
  } finally {
    await gateway.close()
  }
}
