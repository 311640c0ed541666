import type { ErrorCode, Schema } from '@headgate/api'
import type { ErrorObject } from 'ajv'
import { FORMATS } from './formats.ts'
import { isPlain, schemaOf } from './shape.ts'
import { didYouMean, suggest } from './suggest.ts'
import type { ConfigPath, On } from './types.ts'
import { correction, counted, kindOf, show, showList, typeName } from './wording.ts'

/** One thing wrong with a value, at a path within it. */
export interface Mistake {
  readonly code: ErrorCode
  readonly path: ConfigPath
  readonly on: On
  readonly message: string
  readonly hint?: string | undefined
  /** Name of the option that is missing, or unknown. */
  readonly option?: string
}

/** What explaining needs to know of the value's surroundings. */
export interface ExplainContext {
  /** True for a value that must not be printed. */
  masked(path: ConfigPath): boolean
  /** Errors of the value against one branch of an `anyOf`. */
  errors(schema: Schema, value: unknown): readonly ErrorObject[]
}

/** JSON pointer of an error as a path; list indexes become numbers. */
export function pathOf(pointer: string): ConfigPath {
  if (pointer === '') return []
  return pointer
    .slice(1)
    .split('/')
    .map(part => {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
      return /^(?:0|[1-9]\d{0,8})$/.test(name) ? Number(name) : name
    })
}

/** Sentences for Ajv's errors, without those that follow from others. */
export function explain(errors: readonly ErrorObject[], base: ConfigPath, context: ExplainContext): Mistake[] {
  const branching = errors.filter(error => error.keyword === 'anyOf').map(error => `${error.schemaPath}/`)
  const mistakes: Mistake[] = []
  for (const error of errors) {
    if (branching.some(prefix => error.schemaPath.startsWith(prefix))) continue
    mistakes.push(...explainOne(error, [...base, ...pathOf(error.instancePath)], context))
  }
  return withoutMisspelt(mistakes)
}

/** Drops "missing" where the unknown option beside it is its likely misspelling. */
function withoutMisspelt(mistakes: readonly Mistake[]): Mistake[] {
  const unknown = new Map<string, string[]>()
  for (const { code, path, option } of mistakes) {
    if (code !== 'HG_CONFIG_UNKNOWN_OPTION' || option === undefined) continue
    const owner = JSON.stringify(path.slice(0, -1))
    const beside = unknown.get(owner)
    if (beside === undefined) unknown.set(owner, [option])
    else beside.push(option)
  }
  if (unknown.size === 0) return [...mistakes]
  return mistakes.filter(({ code, path, option }) => {
    if (code !== 'HG_CONFIG_MISSING' || option === undefined) return true
    const beside = unknown.get(JSON.stringify(path)) ?? []
    return !beside.some(word => suggest(word, [option]) !== undefined)
  })
}

function explainOne(error: ErrorObject, path: ConfigPath, context: ExplainContext): Mistake[] {
  const schema = (error.parentSchema ?? {}) as Schema
  if (error.keyword === 'additionalProperties') return [unknownOption(String(error.params.additionalProperty), schema, path, error.data)]
  if (error.keyword === 'required') return [missingOption(String(error.params.missingProperty), path)]
  if (error.keyword === 'anyOf') return explainBranches(schema.anyOf ?? [], error.data, path, context)
  const masked = context.masked(path) || schema.format === 'secret'
  const { message, hint } = sentence(error, schema, masked)
  return [
    {
      code: 'HG_CONFIG_INVALID',
      path,
      on: 'value',
      message,
      hint: masked && error.keyword !== 'type' && error.keyword !== 'format' ? undefined : hint
    }
  ]
}

function unknownOption(option: string, schema: Schema, path: ConfigPath, owner: unknown): Mistake {
  const legal = Object.keys(schema.properties ?? {})
  const unused = isPlain(owner) ? legal.filter(name => !Object.hasOwn(owner, name)) : legal
  const hint =
    didYouMean(option, unused) ??
    didYouMean(option, legal) ??
    (legal.length > 0 && legal.length <= 8 ? `options here: ${legal.join(', ')}` : undefined)
  return { code: 'HG_CONFIG_UNKNOWN_OPTION', path: [...path, option], on: 'key', message: `unknown option "${option}"`, hint, option }
}

function missingOption(option: string, path: ConfigPath): Mistake {
  return { code: 'HG_CONFIG_MISSING', path, on: 'key', message: `missing required option "${option}"`, option }
}

type Sentence = { readonly message: string; readonly hint?: string | undefined }

function sentence(error: ErrorObject, schema: Schema, masked: boolean): Sentence {
  const value: unknown = error.data
  const shown = show(value, masked)
  switch (error.keyword) {
    case 'type':
      return wrongType(schema, value, masked)
    case 'enum':
      return { message: `${shown} is not one of ${showList(schema.enum ?? [])}`, hint: nearest(value, schema.enum ?? []) }
    case 'const':
      return { message: `expected ${show(schema.const, false)}, got ${shown}` }
    case 'format':
      return wrongFormat(String(error.params.format), value, masked)
    case 'pattern':
      return { message: `${shown} does not match ${schema.pattern}` }
    case 'uniqueItems':
      return { message: `entries ${Number(error.params.j) + 1} and ${Number(error.params.i) + 1} are the same` }
    default:
      return { message: bound(error, shown) }
  }
}

function bound(error: ErrorObject, shown: string): string {
  const limit = Number(error.params.limit)
  switch (error.keyword) {
    case 'minimum':
      return `must be at least ${limit}, got ${shown}`
    case 'maximum':
      return `must be at most ${limit}, got ${shown}`
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`
    case 'maxLength':
      return `must have at most ${limit} characters`
    case 'minItems':
      return `needs at least ${counted(limit, 'entry', 'entries')}`
    case 'maxItems':
      return `may have at most ${counted(limit, 'entry', 'entries')}`
    case 'minProperties':
      return `needs at least ${counted(limit, 'option', 'options')}`
    default:
      return error.message ?? 'is not valid'
  }
}

function wrongType(schema: Schema, value: unknown, masked: boolean): Sentence {
  const wanted = typeName(schema.type ?? 'value')
  const got =
    schema.type === 'integer' && typeof value === 'number'
      ? show(value, masked)
      : masked && schema.format !== 'secret'
        ? show(value, true)
        : kindOf(value)
  return { message: `expected ${wanted}, got ${got}`, hint: masked && schema.format !== 'secret' ? undefined : correction(schema, value) }
}

function wrongFormat(name: string, value: unknown, masked: boolean): Sentence {
  const format = FORMATS[name]
  const hint =
    name === 'uri' && !masked && typeof value === 'string' && /^[\w.-]+(?::\d+)?(?:\/\S*)?$/.test(value)
      ? `write "http://${value}"?`
      : format?.hint
  return { message: `${show(value, masked)} is not ${format?.noun ?? `a valid ${name}`}`, hint }
}

function nearest(value: unknown, allowed: readonly unknown[]): string | undefined {
  return typeof value === 'string'
    ? didYouMean(
        value,
        allowed.filter(item => typeof item === 'string')
      )
    : undefined
}

/** Of several forms only the one that was probably meant is spoken of: the right type with the fewest mistakes. */
function explainBranches(branches: readonly Schema[], value: unknown, path: ConfigPath, context: ExplainContext): Mistake[] {
  const choices = branches.flatMap(branch => branch.enum ?? (branch.const === undefined ? [] : [branch.const]))
  const tried = branches.filter(branch => fits(branch, value)).map(branch => explain(context.errors(branch, value), path, context))
  const best = tried.sort((a, b) => a.length - b.length)[0]
  if (best !== undefined && best.length > 0) return best
  const masked = context.masked(path)
  const types = [
    ...new Set(
      branches.flatMap(branch =>
        branch.type === undefined || branch.const !== undefined || branch.enum !== undefined ? [] : [typeName(branch.type)]
      )
    )
  ]
  const expected = [...types, ...choices.map(choice => show(choice, false))].join(' or ')
  const hints = masked ? [] : branches.map(branch => correction(branch, value)).filter(hint => hint !== undefined)
  return [
    {
      code: 'HG_CONFIG_INVALID',
      path,
      on: 'value',
      message: `expected ${expected}, got ${masked ? show(value, true) : kindOf(value)}`,
      hint: hints[0]
    }
  ]
}

function fits(schema: Schema, value: unknown): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some(branch => fits(branch, value))
  if (schema.enum !== undefined) return schema.enum.some(item => typeof item === typeof value)
  if (schema.const !== undefined) return typeof schema.const === typeof value
  if (schema.type === undefined) return true
  return kindOf(value) === (schema.type === 'integer' ? 'number' : typeName(schema.type))
}

/** True for an option that the schema says is secret. */
export function isSecretAt(schema: Schema, path: ConfigPath): boolean {
  const [part, ...rest] = path
  if (part === undefined) return schema.format === 'secret' || (schema.anyOf?.some(branch => isSecretAt(branch, [])) ?? false)
  const below = typeof part === 'number' && schema.items !== undefined ? schema.items : schemaOf(schema, String(part))
  return (below !== undefined && isSecretAt(below, rest)) || (schema.anyOf?.some(branch => isSecretAt(branch, path)) ?? false)
}
