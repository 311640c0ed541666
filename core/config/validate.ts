import type { Schema } from '@headgate/api'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject, ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { deliver } from './deliver.ts'
import type { Diagnostics } from './diagnostics.ts'
import type { ConfigDocument } from './document.ts'
import { explain, isSecretAt, type ExplainContext, type Mistake } from './explain.ts'
import { fill } from './fill.ts'
import { FORMATS } from './formats.ts'
import { prune } from './prune.ts'
import type { ConfigPath } from './types.ts'

/** Where a value stands, and who wants to know what is wrong with it. */
export interface ValidateOptions {
  readonly document: ConfigDocument
  /** Path of the value in the config. */
  readonly path: ConfigPath
  readonly report: Diagnostics
  /** Instance that the messages are about. */
  readonly label?: string
}

/**
 * Checks a value and returns a new one with defaults filled in and formats delivered. Mistakes go
 * to the report, all at once; what is returned then lacks whatever was wrong.
 */
export type Validate = (value: unknown, options: ValidateOptions) => unknown

/** Rounds of leaving out what is wrong: leaving something out can leave something missing. */
const ROUNDS = 6

/** Compiles schemas, each once. Holds all that it compiled, so its life should be that of one load. */
export class Validator {
  readonly #ajv: Ajv2020
  readonly #compiled = new Map<Schema, ValidateFunction>()

  constructor() {
    this.#ajv = new Ajv2020({
      strict: true,
      strictRequired: false,
      allErrors: true,
      verbose: true,
      ownProperties: true,
      addUsedSchema: false
    })
    addFormats.default(this.#ajv)
    for (const [name, format] of Object.entries(FORMATS)) this.#ajv.addFormat(name, { type: 'string', validate: format.test })
  }

  /** What makes a schema unusable: it is no strict JSON Schema, or a default does not fit. Empty when all is well. */
  checkSchema(schema: Schema): readonly string[] {
    try {
      this.#function(schema)
    } catch (error) {
      return [(error as Error).message]
    }
    return this.#wrongDefaults(schema, '')
  }

  /** @throws {Error} for a schema that {@link Validator.checkSchema} complains of */
  compileSchema(schema: Schema): Validate {
    this.#function(schema)
    return (value, options) => this.#validate(schema, value, options)
  }

  /** The value with defaults and coercion but not delivered, as it could stand in the file. */
  complete(schema: Schema, value: unknown, document: ConfigDocument, path: ConfigPath): unknown {
    return fill(schema, orEmpty(schema, value), path, { document, accepts: this.#accepts })
  }

  #validate(schema: Schema, value: unknown, options: ValidateOptions): unknown {
    const { document, path, report, label } = options
    let filled = this.complete(schema, value, document, path)
    for (let round = 0; round < ROUNDS; round++) {
      const mistakes = this.#mistakes(schema, filled, document, path)
      if (round === 0) for (const mistake of mistakes) report.add({ ...mistake, path: [...path, ...mistake.path], label })
      if (mistakes.length === 0 || !prune(filled, mistakes)) break
      filled = this.complete(schema, filled, document, path)
    }
    return deliver(schema, filled, this.#accepts)
  }

  #mistakes(schema: Schema, value: unknown, document: ConfigDocument, path: ConfigPath): Mistake[] {
    const context: ExplainContext = {
      masked: inner => document.isInterpolated([...path, ...inner]) || isSecretAt(schema, inner),
      errors: (branch, inner) => this.#errors(branch, inner)
    }
    return explain(this.#errors(schema, value), [], context).filter(mistake => !document.missing([...path, ...mistake.path]))
  }

  #errors(schema: Schema, value: unknown): readonly ErrorObject[] {
    const check = this.#function(schema)
    return check(value) ? [] : (check.errors ?? [])
  }

  readonly #accepts = (schema: Schema, value: unknown): boolean => this.#function(schema)(value) === true

  #function(schema: Schema): ValidateFunction {
    const known = this.#compiled.get(schema)
    if (known !== undefined) return known
    const compiled = this.#ajv.compile(schema)
    this.#compiled.set(schema, compiled)
    return compiled
  }

  #wrongDefaults(schema: Schema, where: string): string[] {
    const wrong: string[] = []
    if (schema.default !== undefined) {
      const filled = fill(schema, schema.default, [], { document: undefined, accepts: this.#accepts })
      if (!this.#accepts(schema, filled)) wrong.push(`the default of ${where === '' ? 'the config' : where} does not fit its own schema`)
    }
    for (const [name, below] of Object.entries(schema.properties ?? {})) wrong.push(...this.#wrongDefaults(below, `${where}/${name}`))
    for (const below of [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])]) {
      if (typeof below === 'object') wrong.push(...this.#wrongDefaults(below, where))
    }
    return wrong
  }
}

function orEmpty(schema: Schema, value: unknown): unknown {
  return (value === undefined || value === null) && schema.type === 'object' ? {} : value
}

/** A validator with nothing compiled yet. */
export function createValidator(): Validator {
  return new Validator()
}
