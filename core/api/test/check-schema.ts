import type { Schema } from '../index.ts'

/** What an operator or an editor would miss in a config schema: maps that take anything, options without a description. */
export function schemaProblems(schema: Schema): string[] {
  if (schema.type !== 'object') return ['the schema of a config has the type object']
  return walk(schema, '')
}

function walk(schema: Schema, path: string): string[] {
  const problems: string[] = []
  const at = path === '' ? 'the config' : path
  if (schema.properties !== undefined && schema.additionalProperties === undefined)
    problems.push(`${at} takes options that it does not know: say additionalProperties: false`)
  if (path === '' && schema.properties === undefined && schema.additionalProperties === undefined)
    problems.push(`${at} takes any option: say additionalProperties: false`)
  for (const [name, below] of Object.entries(schema.properties ?? {})) {
    const inner = path === '' ? name : `${path}.${name}`
    if ((below.description ?? '').trim() === '') problems.push(`${inner} has no description`)
    problems.push(...walk(below, inner))
  }
  if (typeof schema.additionalProperties === 'object') problems.push(...walk(schema.additionalProperties, `${path}.*`))
  if (schema.items !== undefined) problems.push(...walk(schema.items, `${path}[]`))
  for (const below of schema.anyOf ?? []) problems.push(...walk(below, path === '' ? 'config' : path))
  return problems
}
