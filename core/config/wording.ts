import type { Schema } from '@headgate/api'
import { MASK } from '@headgate/api'
import { parseDuration } from './units.ts'

/** Longest value that is quoted in a message. */
const MAX_SHOWN = 60

const NAMES: { readonly [type: string]: string } = Object.freeze({ object: 'map', array: 'list', integer: 'whole number' })

/** What a value is called: string, number, boolean, list, map or nothing. What is no finite number is called by its name. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return typeof value === 'object' ? 'map' : typeof value
}

/** What the type of a schema is called. */
export function typeName(type: string): string {
  return NAMES[type] ?? type
}

/** A value for a message; `masked` for what came from a variable or is a secret. */
export function show(value: unknown, masked: boolean): string {
  if (masked) return MASK
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`
}

/** `"a", "b" or "c"`-like lists, cut after twenty. */
export function showList(values: readonly unknown[]): string {
  const shown = values
    .slice(0, 20)
    .map(value => show(value, false))
    .join(', ')
  return values.length > 20 ? `${shown}, …` : shown
}

/** `1 entry`, `3 entries`. */
export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

/** How to write what was probably meant by a value of the wrong type, or undefined. */
export function correction(schema: Schema, value: unknown): string | undefined {
  if (schema.format === 'secret') return 'put it in quotes'
  if (schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    const unit = schema.format === 'duration' || schema.format === 'timer' ? 's' : ''
    return `write "${String(value)}${unit}"?`
  }
  if (typeof value !== 'string') return undefined
  if ((schema.type === 'number' || schema.type === 'integer') && value.trim() !== '') {
    if (Number.isFinite(Number(value))) return `write ${value} without quotes?`
    const ms = parseDuration(value)
    return ms === undefined ? undefined : `write ${ms}?`
  }
  if (schema.type !== 'boolean') return undefined
  if (/^(?:true|yes|on)$/i.test(value)) return 'write true?'
  return /^(?:false|no|off)$/i.test(value) ? 'write false?' : undefined
}
