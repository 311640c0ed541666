import type { DeepReadonly, RequestBody } from '@headgate/api'
import { exampleOf } from './example.ts'

/** A call of a tool, its arguments as JSON text. */
export interface DemoCall {
  readonly name: string
  readonly arguments: string
}

type Tool = { readonly type?: unknown; readonly function?: { readonly name?: unknown; readonly parameters?: unknown } } | null

/**
 * The tool that the demo calls: the one that `tool_choice` names, else the first, with arguments
 * made of its schema. Undefined where there is no tool or none may be called.
 */
export function chooseCall(request: DeepReadonly<RequestBody>): DemoCall | undefined {
  const choice = request['tool_choice'] as { readonly function?: { readonly name?: unknown } } | string | null | undefined
  if (choice === 'none' || !Array.isArray(request['tools'])) return undefined
  const wanted = typeof choice === 'object' && choice !== null ? choice.function?.name : undefined
  for (const tool of request['tools'] as readonly Tool[]) {
    const name = tool?.function?.name
    if (typeof name !== 'string' || (typeof wanted === 'string' && name !== wanted)) continue
    return { name, arguments: JSON.stringify(exampleOf({ type: 'object', ...Object(tool?.function?.parameters) })) }
  }
  return undefined
}
