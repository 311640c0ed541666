import type { Secret } from './secret.ts'

/**
 * The JSON Schema (2020-12) subset that a plugin may use for its config.
 * `format` understands `duration` ("50ms", "2s", "5m", "1h"; delivered as milliseconds), `size`
 * ("10mb"; delivered as bytes), `secret` (delivered as a {@link Secret}), `regex` and `uri`.
 */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean'
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly (string | number | boolean | null)[]
  readonly const?: string | number | boolean | null
  readonly properties?: { readonly [name: string]: Schema }
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minProperties?: number
  readonly uniqueItems?: boolean
  readonly examples?: readonly unknown[]
}

type Scalar<S> = S extends { readonly format: 'duration' | 'size' }
  ? number
  : S extends { readonly format: 'secret' }
    ? Secret
    : S extends { readonly type: 'string' }
      ? string
      : S extends { readonly type: 'number' | 'integer' }
        ? number
        : S extends { readonly type: 'boolean' }
          ? boolean
          : unknown

type Always<P, R> = { [K in keyof P]: P[K] extends { readonly default: unknown } ? K : K extends R ? K : never }[keyof P]

type Named<P, R> = { readonly [K in Always<P, R>]: Infer<P[K]> } & { readonly [K in Exclude<keyof P, Always<P, R>>]?: Infer<P[K]> }

type RequiredOf<S> = S extends { readonly required: readonly (infer R)[] } ? R : never

type Dictionary<S> = S extends { readonly additionalProperties: infer A extends object } ? { readonly [key: string]: Infer<A> } : unknown

/** The TypeScript type of a config that satisfies `S`; a property with a `default`, or one that is required, is never undefined. What the subset cannot say is `unknown`, never a wrong type. */
export type Infer<S> = S extends { readonly enum: readonly (infer E)[] }
  ? E
  : S extends { readonly const: infer C }
    ? C
    : S extends { readonly anyOf: readonly (infer A)[] }
      ? Infer<A>
      : S extends { readonly type: 'array'; readonly items: infer I }
        ? readonly Infer<I>[]
        : S extends { readonly type: 'object'; readonly properties: infer P }
          ? Named<P, RequiredOf<S>> & Dictionary<S>
          : S extends { readonly type: 'object' }
            ? Dictionary<S>
            : Scalar<S>
