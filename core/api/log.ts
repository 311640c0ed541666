/** Structured logging, one JSON object a line. The first argument holds the facts, the second the sentence. */
export interface Log {
  debug(facts: object, message?: string): void
  info(facts: object, message?: string): void
  warn(facts: object, message?: string): void
  error(facts: object, message?: string): void
}
