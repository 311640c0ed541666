import type { HookName } from '../index.ts'
import type { Cut } from './answer-pieces.ts'
import { tellFailure, type Mishap } from './observed-plugin.ts'
import { runCase, waysOf, type PluginCase, type Seen } from './plugin-case.ts'
import { expectNone } from './runner.ts'
import type { Bench, Subject } from './subject.ts'

/** Hooks whose failure must not go unnoticed under `on_error: deny`. */
const DECIDING: ReadonlySet<HookName> = new Set(['receive', 'authenticate', 'request', 'guard', 'route', 'response', 'stream'])

const MISHAPS: readonly Mishap[] = ['throw', 'hang', 'garbage']
const TIMEOUT = '20ms'

/** A hook and a request in which it runs. */
interface Occasion {
  readonly hook: HookName
  readonly one: PluginCase
  readonly way: Cut | null
}

/** Makes each hook throw, hang and return garbage, where it denies and where it allows. */
export async function checkMishaps(bench: Bench, cases: readonly PluginCase[]): Promise<void> {
  for (const policy of ['deny', 'allow'] as const) {
    await bench.with(
      async subject => {
        const problems: string[] = []
        for (const occasion of await occasionsOf(subject, cases)) {
          for (const kind of MISHAPS) if (applies(kind, occasion.hook)) problems.push(...(await goWrong(subject, occasion, kind, policy)))
        }
        expectNone(problems)
      },
      { instance: { on_error: policy, timeout: TIMEOUT } }
    )
  }
}

/** One request for each hook in which it runs. */
async function occasionsOf({ gateway, observed }: Subject, cases: readonly PluginCase[]): Promise<Occasion[]> {
  const found = new Map<HookName, Occasion>()
  for (const one of cases) {
    for (const way of waysOf(one)) {
      observed.ran.clear()
      await runCase(gateway, one, way)
      for (const hook of observed.ran) if (!found.has(hook)) found.set(hook, { hook, one, way })
    }
  }
  return [...found.values()]
}

/** Nothing waits for a transformer, and nothing is to be read from `log`. */
function applies(kind: Mishap, hook: HookName): boolean {
  if (hook === 'log') return kind === 'throw'
  return kind !== 'hang' || hook !== 'stream'
}

async function goWrong(
  { gateway, observed }: Subject,
  { hook, one, way }: Occasion,
  kind: Mishap,
  policy: 'deny' | 'allow'
): Promise<string[]> {
  const records = gateway.exchanges.length
  observed.failures.length = 0
  observed.mishap = { hook, kind }
  const seen = await runCase(gateway, one, way)
  observed.mishap = null
  const where = `when ${hook} ${TELL[kind]} under on_error: ${policy}`
  return [
    ...wrongAnswer(seen, hook, policy).map(problem => `${where}, ${problem}`),
    ...(gateway.exchanges.length === records + 1
      ? []
      : [`${where}, there are ${gateway.exchanges.length - records} records of the request`]),
    ...observed.failures.map(failure => `${where}, ${tellFailure(failure)}`)
  ]
}

const TELL: { readonly [K in Mishap]: string } = { throw: 'throws', hang: 'hangs', garbage: 'returns garbage' }

function wrongAnswer({ answer }: Seen, hook: HookName, policy: 'deny' | 'allow'): string[] {
  const code = answer.error?.code
  if (code === 'internal_error') return ['the gateway itself fails']
  if (policy === 'deny' && DECIDING.has(hook))
    return code === 'plugin_error' ? [] : [`the request goes on (status ${answer.status}, code ${code ?? 'none'})`]
  return policy === 'allow' && code === 'plugin_error' ? ['the request is refused'] : []
}
